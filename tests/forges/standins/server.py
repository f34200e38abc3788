"""What the stand-ins of both forges share: HTTP, a token, faults, a repository that is real."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.forges.standins.described import Described
from tests.forges.standins.githttp import git, password_of, serve_git

TOKEN = "s3cret-token-of-the-tests"
PROJECT = "acme/flights"


@dataclass
class Fault:
    """What is answered in place of the next request that fits."""

    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    method: str = ""
    lose: bool = False  # carry it out, and break the connection before the answer


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class StandIn:
    """One repository on one forge; people act on it by its methods, programs over HTTP."""

    api = ""  # what every path begins with
    description = ""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bare = root / f"{PROJECT}.git"
        self.described = Described(self.description)
        self.asked: list[tuple[str, str]] = []
        self.faults: deque[Fault] = deque()
        self.violations: list[str] = []
        self.tokens = {TOKEN}
        self.lock = threading.RLock()
        self.page_most = 100
        self.url = self.main = ""
        self.meanwhile: Callable[[], object] | None = None  # just before the next write
        self.prepare()

    def prepare(self) -> None:
        """Make the repository with one commit on main."""
        self.bare.mkdir(parents=True)
        git(self.bare, "init", "--quiet", "--bare", "--initial-branch=main")
        with (self.bare / "config").open("a") as config:
            config.write("[http]\n\treceivepack = true\n")
        self.main = self.branch("main", "stages: {}\n", path="trueup.yaml")

    @property
    def writes(self) -> list[str]:
        """What was asked for that changes something, as ``METHOD path``."""
        return [f"{method} {path}" for method, path in self.asked if method != "GET"]

    def branch(self, name: str, text: str = "{}", path: str = "trueup.lock") -> str:
        """Make a commit over main on a branch, as somebody's push would, and return it."""
        parent = f"from {self.main}\n" if self.main else ""
        stream = (
            f"commit refs/heads/{name}\ncommitter Ada <ada@example.org> 0 +0000\n"
            f"data 7\nRetrain\n{parent}M 644 inline {path}\ndata {len(text)}\n{text}\n"
        )
        git(self.bare, "fast-import", "--quiet", "--force", stdin=stream.encode())
        return (self.bare / "refs" / "heads" / name).read_text().strip()

    def tip(self, branch: str) -> str:
        """Return where a branch is; empty if it is not there."""
        ref = self.bare / "refs" / "heads" / branch
        return ref.read_text().strip() if ref.exists() else ""

    def squash(self, branch: str) -> str:
        """Land a branch on main as one commit, and return that."""
        tree = git(self.bare, "rev-parse", f"{branch}^{{tree}}")
        self.main = git(self.bare, "commit-tree", tree, "-p", self.main, "-m", "Squashed")
        git(self.bare, "update-ref", "refs/heads/main", self.main)
        return self.main

    def token_of(self, headers: Any) -> str:
        """Return the token that a request bears."""
        raise NotImplementedError

    def answer(
        self, method: str, template: str, parts: dict[str, str], query: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        """Do what a request asks for."""
        raise NotImplementedError

    def respond(
        self, request: BaseHTTPRequestHandler, body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        """Return status, body and headers for a request to the API."""
        parts = urlsplit(request.path)
        path, query = parts.path.removeprefix(self.api), dict(parse_qsl(parts.query))
        method = request.command
        with self.lock:
            self.asked.append((method, path))
            if self.token_of(request.headers) not in self.tokens:
                return 401, {"message": "Bad credentials"}, {}
            if method != "GET" and self.meanwhile:
                then, self.meanwhile = self.meanwhile, None
                then()
            try:
                template, named = self.described.operation(method, path)
                wrong = self.described.mistakes(method, template, named, query, body)
                if wrong:
                    raise LookupError(f"{method} {path}: {wrong}")  # noqa: TRY301 - as unknown ones
            except LookupError as error:
                self.violations.append(str(error))
                return 422, {"message": str(error)}, {}
            try:
                status, found = self.answer(method, template, named, query, body)
            except Refused as error:
                status, found = error.status, error.body
            headers: dict[str, str] = {}
            if isinstance(found, list):
                found, headers = self.paged(found, request.path, query)
            return status, self.described.answer(method, template, status, found), headers

    def paged(
        self, found: list[Any], path: str, query: dict[str, str]
    ) -> tuple[list[Any], dict[str, str]]:
        """Return one page of a list, and where the next one lies."""
        size = min(int(query.get("per_page", 30)), self.page_most)
        page = int(query.get("page", 1))
        headers = {}
        if len(found) > page * size:
            following = urlencode({**query, "page": page + 1})
            address = f"{self.url}{urlsplit(path).path}?{following}"
            headers["Link"] = f'<{address}>; rel="next", <{address}>; rel="last"'
        return found[(page - 1) * size : page * size], headers

    def fault_for(self, method: str) -> Fault | None:
        """Return the fault that is next, if it is for this request."""
        with self.lock:
            if self.faults and self.faults[0].method in ("", method):
                return self.faults.popleft()
        return None


@contextmanager
def served(standin: StandIn) -> Iterator[None]:
    """Serve a stand-in on loopback; a request that breaks the description fails the test."""

    class Bridge(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not self.path.startswith(standin.api + "/"):
                if password_of(self.headers.get("Authorization")) not in standin.tokens:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="git"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                serve_git(self, standin.root, body)
                return
            fault = standin.fault_for(self.command)
            if fault and not fault.lose:
                standin.asked.append((self.command, self.path))
                self.give(fault.status, fault.body, fault.headers)
                return
            given = standin.respond(self, json.loads(body) if body else None)
            if fault:
                self.close_connection = True
                return
            self.give(*given)

        do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815 - the names of HTTP's methods

        def give(self, status: int, body: Any, headers: dict[str, str]) -> None:
            content = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bridge)
    standin.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not standin.violations
