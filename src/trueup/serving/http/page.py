"""GET /: a page that shows every route and sends requests to try them; nothing from elsewhere."""

from html import escape

import msgspec

from trueup.serving.http.messages import Reply, Request
from trueup.serving.http.openapi import example
from trueup.serving.plane import Plane

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "textarea{width:100%;box-sizing:border-box;font:13px monospace}"
    "pre{background:#f4f4f4;padding:.8rem;overflow:auto}td{padding:.1rem .8rem .1rem 0}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}pre{background:#242424}"
    "a{color:#8ab4f8}textarea,input,button{background:#242424;color:#ddd}}"
)
_SCRIPT = """
const at = name => document.getElementById(name);
at("ask").onclick = async () => {
  const headers = {"content-type": "application/json"};
  if (at("token").value) headers.authorization = "Bearer " + at("token").value;
  const began = performance.now();
  const answer = await fetch("/predict", {method: "POST", headers, body: at("body").value});
  const spent = (performance.now() - began).toFixed(1);
  at("answer").textContent = answer.status + " after " + spent + " ms\\n" + await answer.text();
};
"""


async def page(plane: Plane, request: Request) -> Reply:
    """Show what is served, with a form to try it."""
    from trueup.serving.http.routes import ROUTES

    record = msgspec.json.format(msgspec.json.encode({"records": [example(plane.only)]}), indent=1)
    models = "".join(
        f"<tr><td>{escape(line.name)}</td><td>version {line.live.named.version}</td>"
        f"<td>{escape(line.live.form.says)}</td></tr>"
        for line in plane.lines.values()
    )
    routes = "".join(
        f"<tr><td>{one.method}</td><td><code>{escape(one.path)}</code></td>"
        f"<td>{escape(one.says)}</td></tr>"
        for one in ROUTES
    )
    body = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>trueup</title>"
        f"<style>{_STYLE}</style><h1>{escape(', '.join(plane.lines))}</h1><table>{models}</table>"
        "<h2>Try it</h2><p><label>Token, if one is needed: <input id=token size=50></label></p>"
        f"<textarea id=body rows=20>{escape(record.decode())}</textarea>"
        "<p><button id=ask>POST /predict</button></p><pre id=answer></pre>"
        f"<h2>Routes</h2><table>{routes}</table><p><a href=/openapi.json>OpenAPI document</a></p>"
        f"<script>{_SCRIPT}</script></html>"
    )
    headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'"),
    ]
    return Reply(body.encode(), 200, headers)
