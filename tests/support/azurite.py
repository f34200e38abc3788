"""Starts azurite, the emulator of Azure's blob storage, for as long as a test session needs it."""

import base64
import hashlib
import hmac
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

CONTAINER = "trueup"
INSTALL = "make components"
_PROGRAM = "azurite-blob"
_CHECKOUT = Path(__file__).parents[2]
_ACCOUNT = "trueuptests"
_KEY = base64.b64encode(b"a key of the tests, and of nothing else").decode()


def program() -> Path | None:
    """Return azurite's program, the checkout's own or the one on PATH; None if there is none."""
    ours = _CHECKOUT / ".build" / "azurite" / "node_modules" / ".bin" / _PROGRAM
    found = os.fspath(ours) if ours.exists() else shutil.which(_PROGRAM)
    return Path(found) if found else None


@contextmanager
def azurite(started: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Run azurite on a free port; give the environment of somebody who may do everything."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [os.fspath(started), f"--location={folder}", f"--blobPort={port}"]
    command += ["--blobHost=127.0.0.1", "--skipApiVersionCheck", "--silent"]
    running = subprocess.Popen(
        command,
        env={**os.environ, "AZURITE_ACCOUNTS": f"{_ACCOUNT}:{_KEY}"},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    endpoint = f"http://127.0.0.1:{port}/{_ACCOUNT}"
    try:
        _await_container(endpoint, running)
        yield {
            "AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": _KEY,
            "AZURE_STORAGE_ENDPOINT": endpoint,
        }
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def _await_container(endpoint: str, running: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and running.poll() is None:
        try:
            urllib.request.urlopen(_creation(endpoint), timeout=5).close()  # noqa: S310 -- ours
        except OSError:
            time.sleep(0.1)
            continue
        return
    raise RuntimeError("azurite did not start")


def _creation(endpoint: str) -> urllib.request.Request:
    """Return the signed request that creates the container (Shared Key, version 2021-08-06)."""
    headers = {
        "x-ms-date": f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S GMT}",
        "x-ms-version": "2021-08-06",
    }
    named = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    resource = f"/{_ACCOUNT}/{_ACCOUNT}/{CONTAINER}\nrestype:container"
    text = "PUT" + "\n" * 12 + named + resource
    mac = hmac.new(base64.b64decode(_KEY), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {_ACCOUNT}:{base64.b64encode(mac).decode()}"
    headers["Content-Length"] = "0"
    url = f"{endpoint}/{CONTAINER}?restype=container"
    return urllib.request.Request(url, method="PUT", headers=headers)  # noqa: S310 -- ours
