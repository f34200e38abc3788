"""What all tests share: a clean environment, markers of real components, and patience."""

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Generator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import trueup

CHECKOUT = Path(__file__).resolve().parent.parent
STRICT = os.environ.get("TRUEUP_CI_STRICT") == "1"

# marker: the environment that scripts/env.sh makes for it, and the program that it holds
# (azurite belongs to some parameters only; its fixture skips, and says what installs it)
COMPONENTS = {"s3": ("s3", "weed"), "oracle": ("oracle", "dvc")}

INSTALL_HINT = re.compile(r"install (?:it|them) with: ")

# Two cores are shared by test workers, so no example is too slow; the seed is fixed, so that a
# failure seen once is seen again. TRUEUP_HYPOTHESIS=explore looks for new examples.
settings.register_profile(
    "fixed",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("TRUEUP_HYPOTHESIS", "fixed"))


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to test the checkout where the built wheel was meant, and forget the person's Git."""
    where = Path(trueup.__file__)
    if os.environ.get("TRUEUP_TEST_WHEEL") == "1" and "site-packages" not in where.parts:
        raise pytest.UsageError(
            f"the installed wheel was to be tested, but trueup comes from {where}; run: make test"
        )
    os.environ.update(
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_CONFIG_NOSYSTEM="1",
        GIT_AUTHOR_NAME="Ada",
        GIT_AUTHOR_EMAIL="ada@example.org",
        GIT_COMMITTER_NAME="Ada",
        GIT_COMMITTER_EMAIL="ada@example.org",
    )
    ours = {"TRUEUP_CI_STRICT", "TRUEUP_TEST_WHEEL", "TRUEUP_HYPOTHESIS"}
    for name in set(os.environ) - ours:
        if name.startswith(("TRUEUP_", "AWS_", "DVC_")):
            del os.environ[name]


def component(marker: str) -> Path | None:
    """Return the program that tests with this marker need, or None where it is not installed."""
    environment, program = COMPONENTS[marker]
    ours = CHECKOUT / ".build" / f"venv-{environment}" / "bin" / program
    if ours.exists():
        return ours
    found = shutil.which(program)
    return Path(found) if found else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a component that is not installed, with the command that installs it."""
    for marker, (environment, program) in COMPONENTS.items():
        if item.get_closest_marker(marker) and component(marker) is None:
            pytest.skip(
                f"{program} is not installed; install it with: scripts/env.sh {environment}"
            )
    if item.get_closest_marker("torch") and find_spec("torch") is None:
        pytest.skip(
            "PyTorch is not installed; run these tests and install it with: make test-torch"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped component test into a failure where all components were promised."""
    report = yield
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        needs = any(item.get_closest_marker(marker) for marker in COMPONENTS)
        if needs or INSTALL_HINT.search(str(report.longrepr)):
            report.outcome = "failed"
            report.longrepr = f"skipped, but TRUEUP_CI_STRICT=1 promises all: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def weed() -> Path:
    """The SeaweedFS server's program, for tests marked s3."""
    found = component("s3")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def dvc() -> Path:
    """DVC's program, for tests marked oracle."""
    found = component("oracle")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Return a function that waits until a condition holds, and fails at its deadline."""

    def wait(condition: Callable[[], object], *, timeout_s: float = 30.0) -> None:
        end, pause = time.monotonic() + timeout_s, threading.Event()
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"did not come true within {timeout_s} s")
            pause.wait(0.01)

    return wait
