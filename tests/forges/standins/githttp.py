"""Git's own HTTP server, ``git http-backend``, behind a bridge from a request to CGI."""

import os
import subprocess
from base64 import b64decode
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit


def git(folder: Path, *words: str, stdin: bytes = b"") -> str:
    """Return what git prints in a folder; its failure is the test's."""
    done = subprocess.run(
        ["git", "-C", str(folder), *words], input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.decode().strip()


def password_of(header: str | None) -> str:
    """Return the password of a header of basic authentication; empty without one."""
    kind, _, text = (header or "").partition(" ")
    if kind.lower() != "basic":
        return ""
    return b64decode(text).decode().partition(":")[2]


def serve_git(request: BaseHTTPRequestHandler, root: Path, body: bytes) -> None:
    """Answer a request of git's smart protocol for a repository below root."""
    parts = urlsplit(request.path)
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "REQUEST_METHOD": request.command,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_USER": "somebody",
        "REMOTE_ADDR": "127.0.0.1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
    }
    done = subprocess.run(
        ["git", "http-backend"], input=body, capture_output=True, check=True, env=environment
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    request.send_response(int(headers.pop("Status", "200").split()[0]))
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)
