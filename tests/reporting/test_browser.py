"""A real browser opens the page: it fits a telephone, and asks nobody for anything."""

import html
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.reporting.hostile import NAMES
from tests.reporting.pages import checked
from trueup.reporting.blocks import Cell, Column, Report, Table, Text, Verdict
from trueup.reporting.charts import bars
from trueup.reporting.forests import Span, intervals
from trueup.reporting.grids import grid
from trueup.reporting.html import render_html
from trueup.reporting.planes import Axes, plane, with_bars

MEASURED = """\
<iframe style="width:{width}px;height:600px;border:0" srcdoc="{page}"></iframe><p>not measured</p>
<script>
  const frame = document.querySelector("iframe");
  frame.addEventListener("load", () => {{
    const root = frame.contentDocument.documentElement;
    const wider = root.scrollWidth - root.clientWidth;
    document.querySelector("p").textContent = `measured ${{wider}} wider`;
  }});
</script>
"""


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server's address, and what was asked of it."""
    paths: list[str] = []

    class Noting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Noting) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


def report(names: list[str]) -> Report:
    curve = {name: [(0.0, 0.0), (0.4, 0.7), (1.0, 1.0)] for name in names[:2]}
    axes = Axes(x="x", y="y", domain=(0.0, 1.0), diagonal=True)
    spans = [Span(name=name, word="fail", estimate=0.5, lower=0.4, limit=0.6) for name in names]
    counts = [[3] * len(names)] * len(names)
    columns = (*(Column(name) for name in names[:3]), Column("n", "number"))
    row: tuple[Cell, ...] = (*names[:3], 1.5)
    return Report(
        "Gate",
        (
            Verdict(names[0], "fail", tuple(names)),
            Table(columns, (row,) * 3, names[0]),
            *(Text(name) for name in names),
            bars("bars", dict.fromkeys(names, 1.0)),
            intervals("intervals", spans),
            grid("grid", names, counts),
            plane("plane", curve, axes),
            with_bars("calibration", curve, axes, {name: [(0.0, 0.1, 7.0)] for name in curve}),
        ),
    )


def test_a_browser_finds_our_elements_alone_and_fetches_nothing(
    tmp_path: Path, dom: Callable[[Path], str], asked: tuple[str, list[str]]
) -> None:
    address, paths = asked
    page = tmp_path / "page.html"
    names = [name.replace("http://evil.example", address) for name in NAMES]
    page.write_text(render_html(report(names)), encoding="utf-8")
    seen = checked(dom(page).strip())
    assert "figure" in seen.tags
    assert paths == []


def test_the_server_would_have_noticed(
    tmp_path: Path, dom: Callable[[Path], str], asked: tuple[str, list[str]]
) -> None:
    address, paths = asked
    page = tmp_path / "page.html"
    page.write_text(f"<img src='{address}/x'>")
    dom(page)
    assert paths == ["/x"]


@pytest.mark.parametrize("width", [320, 400])
def test_the_page_fits_a_telephone(tmp_path: Path, dom: Callable[[Path], str], width: int) -> None:
    names = ["carrier=UA", "carrier=a-rather-long-name-of-a-slice-without-any-space-in-it", "x"]
    inside = html.escape(render_html(report(names)))
    page = tmp_path / "outer.html"
    page.write_text(MEASURED.format(width=width, page=inside), encoding="utf-8")
    assert "measured 0 wider" in dom(page)
