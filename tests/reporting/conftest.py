"""A real browser, where one is installed."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-sync", "--virtual-time-budget=4000"),
)


@pytest.fixture
def dom(tmp_path: Path) -> Callable[[Path], str]:
    """Return a function that opens a file and returns what the browser made of it."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("no browser is installed; install it with: scripts/browser.sh")

    def opened(page: Path) -> str:
        own = ("--dump-dom", f"--user-data-dir={tmp_path / 'profile'}", page.as_uri())
        done = subprocess.run(
            [str(program), *QUIET, *own], check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout

    return opened
