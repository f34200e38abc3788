"""A canary secret given to a stage is found nowhere: bucket, records, logs, lock, terminal."""

import base64
from pathlib import Path

import pytest

from tests.journeys.checkout import Checkout

CANARY = "canary-7f3a9c-do-not-keep"
LINES = "first-secret-line-5501\nsecond-secret-line-5502"
SPEAK = {
    "whole": 'echo "the secret is $CANARY, yes"; echo "$CANARY" >&2',
    "in pieces": 'printf "%s" "\\${CANARY%keep}"; sleep 0.2; echo keep',
    "twice on a line": 'echo "$CANARY$CANARY"',
    "as the last thing without a newline": 'printf "%s" "$CANARY"',
    "and fails": 'echo "$CANARY"; exit 3',
    "as a traced command": 'set -x; : "$CANARY"',
    "as a point": 'echo "{\\"step\\": 1, \\"x\\": \\"$CANARY\\"}" >> "$TRUEUP_POINTS"',
    "over and over": 'i=0; while [ $i -lt 3000 ]; do echo "$i $CANARY"; i=$((i+1)); done',
}


@pytest.mark.parametrize("speech", SPEAK.values(), ids=SPEAK.keys())
def test_a_secret_that_a_stage_prints_is_kept_nowhere(speech: str, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project", {"CANARY": CANARY})
    cmd = speech.replace("'", "''")
    checkout.write(
        "trueup.yaml",
        f"stages:\n  s:\n    cmd: '{cmd}; test -z \"$F\"; echo done > out.txt'\n"
        "    secrets: [CANARY]\n    outs: [out.txt]\n",
    )
    said = ""
    for words in (["run"], ["run", "--force", "--json"], ["status", "--json"], ["runs"]):
        done = checkout.call(*words)
        said += done.stdout + done.stderr
    _nowhere(CANARY, said, checkout.root)


def test_a_secret_of_many_lines_is_masked_line_by_line(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project", {"KEY": LINES})
    checkout.write(
        "trueup.yaml",
        "stages:\n  s:\n    cmd: printf '%s\\n' \"$KEY\"; echo done > out.txt\n"
        "    env: {KEY: {secret: true}}\n    outs: [out.txt]\n",
    )
    done = checkout.call("run")
    assert done.returncode == 0, done.stderr
    for line in LINES.splitlines():
        _nowhere(line, done.stdout + done.stderr, checkout.root)


def test_a_stage_that_was_not_given_the_secret_does_not_have_it(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project", {"CANARY": CANARY})
    checkout.write(
        "trueup.yaml",
        'stages:\n  with: {cmd: test -n "$CANARY" && echo yes > yes.txt, '
        "secrets: [CANARY], outs: [yes.txt]}\n"
        '  without: {cmd: "echo .$CANARY. > no.txt", outs: [no.txt]}\n',
    )
    checkout.ok("run")
    assert (checkout.root / "no.txt").read_text() == "..\n"


def test_another_secret_makes_no_other_key(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project", {"CANARY": CANARY})
    checkout.write(
        "trueup.yaml",
        "stages:\n  s: {cmd: echo done > out.txt, secrets: [CANARY], outs: [out.txt]}\n",
    )
    checkout.ok("run")
    checkout.env["CANARY"] = "rotated-since-then"
    assert "nothing changed" in checkout.ok("run")


def test_a_secret_that_is_not_set_is_named_before_anything_runs(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "project")
    checkout.write(
        "trueup.yaml",
        "stages:\n  s: {cmd: echo done > out.txt, secrets: [NO_SUCH_CANARY], outs: [out.txt]}\n",
    )
    done = checkout.call("run")
    assert done.returncode == 6
    assert "NO_SUCH_CANARY" in done.stderr
    assert not (checkout.root / "out.txt").exists()


def _nowhere(secret: str, said: str, root: Path) -> None:
    needles = [secret.encode(), base64.b64encode(secret.encode())]
    assert secret not in said
    for path in root.rglob("*"):
        if path.is_file():
            body = path.read_bytes()
            assert not any(needle in body for needle in needles), path
        assert secret not in path.name
