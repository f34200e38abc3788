"""A verdict is a record: it survives storing, is the same again for the same, and can be shown."""

import subprocess
import sys
from typing import Any

import msgspec
import pytest

from tests.gate.tables import binary, entry, judged
from trueup.errors import NotProven, WrongUsage
from trueup.gate.showing import verdict_report
from trueup.gate.spending import Spending
from trueup.gate.verdict import Verdict, decode, encode
from trueup.reporting.markdown import render_markdown
from trueup.reporting.terminal import render_text

RULES = (entry("roc_auc", at_least=0.7), entry("f1", versus="champion", margin=0.05))


def verdict(**known: Any) -> Verdict:
    return judged(binary(1000), *RULES, digests={"model": "aa", "data": "bb"}, **known)


def test_the_same_things_judged_again_give_the_same_verdict_to_the_last_digit() -> None:
    assert encode(verdict()) == encode(verdict())


def test_another_seed_is_another_verdict() -> None:
    assert verdict().digest != verdict(seed=5).digest


def test_a_stored_verdict_comes_back() -> None:
    made = verdict()
    assert decode(encode(made)) == made


def test_a_verdict_that_was_touched_is_not_proven() -> None:
    stored = msgspec.json.decode(encode(verdict()))
    stored["word"] = "pass" if stored["word"] != "pass" else "fail"
    with pytest.raises(NotProven):
        decode(msgspec.json.encode(stored))


def test_a_verdict_of_a_newer_format_is_refused() -> None:
    stored = msgspec.json.decode(encode(verdict()))
    stored["format"] = 2
    with pytest.raises(WrongUsage, match="format 2"):
        decode(msgspec.json.encode(stored))


def test_the_report_says_word_numbers_error_and_seed() -> None:
    made = verdict()
    report = verdict_report(made, "late, candidate")
    for text in (render_text(report), render_markdown(report)):
        assert made.word in text
        assert "93.92 %" in text
        assert str(made.seed) in text
        assert "taken as independent" in text


def test_all_candidates_together_spend_no_more_than_what_is_declared() -> None:
    series = sum(Spending(use=use).alpha(0.95) for use in range(1, 10_000))
    assert series == pytest.approx(0.05, abs=1e-5)
    assert series < 0.05
    even = sum(Spending(use=use, plan="even").alpha(0.95) for use in range(1, 21))
    assert even == pytest.approx(0.05)


def test_reading_a_verdict_needs_no_numpy() -> None:
    program = "import sys, trueup.gate.verdict, trueup.gate.showing; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_without_numpy_the_error_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['numpy'] = None\n"
        "from trueup.errors import WrongUsage\n"
        "try:\n    import trueup.gate.judging\n"
        "except WrongUsage as said:\n    print(said.remedy)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'trueup[gate]'" in done.stdout
