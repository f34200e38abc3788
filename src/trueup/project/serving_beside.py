"""The verb serve for notebooks and tests: a server in a process of its own, while a block runs."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, TypeAlias

import msgspec

from trueup.errors import WrongUsage

Folder: TypeAlias = str | os.PathLike[str]

_AT = re.compile(r"^at (https?://[^\s,]+)", re.MULTILINE)
_LOOKS_S = 0.02
_STARTS_S = 120.0
_ENDS_S = 60.0


class Serving(msgspec.Struct, frozen=True):
    """A server that runs: where it is, and what it has said until now."""

    url: str
    log: Callable[[], str]


@contextmanager
def serve(*names: str, folder: Folder = ".", port: int = 0, **options: Any) -> Iterator[Serving]:
    """Serve as ``trueup serve`` does while the block runs, and give the URL; drained at its end.

    Without names it serves the project's models; port 0 is any that is free. Further options are
    those of the command: host, workers, env, override, why.
    """
    words = [sys.executable, "-m", "trueup", "-C", os.fspath(folder), "serve", *names]
    words += ["--port", str(port), *_words(options)]
    with tempfile.TemporaryFile("w+b") as said:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            yield Serving(_url(process, said), lambda: _text(said))
        finally:
            _end(process)


def _words(options: dict[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            yield option
        elif value not in (False, None):
            yield f"{option}={value}"


def _url(process: "subprocess.Popen[bytes]", said: IO[bytes]) -> str:
    """Return where it listens, once it is ready."""
    end = time.monotonic() + _STARTS_S
    while process.poll() is None and time.monotonic() < end:
        found = _AT.search(_text(said))
        if found and _is_ready(found[1]):
            return found[1]
        time.sleep(_LOOKS_S)
    raise WrongUsage(
        f"the server did not start: {_text(said).strip()[-1000:]}",
        remedy="See what it says with: trueup serve",
    )


def _is_ready(url: str) -> bool:
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(f"{url}/v2/health/ready", timeout=10):  # noqa: S310 - the server we started
            return True
    except (URLError, ConnectionError):
        return False


def _text(said: IO[bytes]) -> str:
    """Read without moving the place where the process writes."""
    size = os.fstat(said.fileno()).st_size
    return os.pread(said.fileno(), size, 0).decode(errors="replace")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_ENDS_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
