"""Two runs in one checkout: the second waits its turn, or refuses with a clear word."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.journeys.checkout import COMMAND, Checkout

PIPELINE = """\
stages:
  slow:
    cmd: >-
      echo ran >> "$COUNT"; while [ ! -e "$GO" ]; do sleep 0.01; done; cat in.txt > out.txt
    deps: [in.txt]
    outs: [out.txt]
  after:
    cmd: echo ran >> "$COUNT"; cat out.txt > after.txt
    deps: [out.txt]
    outs: [after.txt]
"""


def lay_out(tmp_path: Path) -> tuple[Checkout, Path, Path]:
    go, count = tmp_path / "go", tmp_path / "count"
    checkout = Checkout(tmp_path / "project", {"GO": str(go), "COUNT": str(count)})
    checkout.write("in.txt", "in\n")
    checkout.write("trueup.yaml", PIPELINE)
    return checkout, go, count


def test_the_second_run_waits_and_finds_everything_done(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    checkout, go, count = lay_out(tmp_path)
    first = checkout.start("run")
    eventually(count.exists)
    second = subprocess.Popen(
        [*COMMAND, "run"],
        cwd=checkout.root,
        env=checkout.env | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert second.stderr is not None
    assert "waiting for another run" in second.stderr.readline()
    go.touch()
    said, _ = second.communicate(timeout=60)
    assert (first.wait(60), second.returncode) == (0, 0)
    assert "nothing changed" in said
    assert count.read_text().splitlines() == ["ran", "ran"]


def test_the_second_run_refuses_where_it_may_not_wait(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    checkout, go, count = lay_out(tmp_path)
    first = checkout.start("run")
    eventually(count.exists)
    refused = checkout.call("run", "--no-wait")
    go.touch()
    assert first.wait(60) == 0
    assert refused.returncode == 7
    assert "another run has this checkout" in refused.stderr
    assert "nothing changed" in checkout.ok("run")


def test_looking_is_possible_while_a_run_goes_on(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    checkout, go, count = lay_out(tmp_path)
    first = checkout.start("run")
    eventually(count.exists)
    looked = checkout.call("status")
    go.touch()
    assert first.wait(60) == 0
    assert looked.returncode == 0, looked.stderr
