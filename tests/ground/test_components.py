"""A test that needs a real component is skipped with the command that installs it, except in CI."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SKIPPING = """\
import pytest

@pytest.mark.s3
def test_one():
    pytest.skip("the server did not start")

def test_two():
    pytest.skip("azurite is not installed; install it with: make components")

def test_three():
    pytest.skip("not this one's business")
"""


def outcome(folder: Path, strict: str) -> str:
    (folder / "test_it.py").write_text(SKIPPING)
    marks = ["-o", "markers=s3: needs a server\noracle: runs DVC"]
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *marks, "-rs", str(folder)],
        cwd=CHECKOUT,
        env={**os.environ, "TRUEUP_CI_STRICT": strict},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip().splitlines()[-1]


# where the component itself is missing, its test fails before it begins: an error in pytest's words
@pytest.mark.parametrize(
    ("strict", "says"),
    [("0", "3 skipped"), ("1", "2 failed, 1 skipped|1 failed, 1 skipped, 1 error")],
)
def test_a_component_test_that_is_skipped_fails_only_where_all_were_promised(
    tmp_path: Path, strict: str, says: str
) -> None:
    assert re.search(says, outcome(tmp_path, strict))
