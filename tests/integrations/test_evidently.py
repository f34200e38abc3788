"""Evidently's preset through our port, in an environment of its own."""

import math
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import ks_2samp  # type: ignore[import-untyped] # it has none

from tests.integrations.detectors import PLAN, window, windows
from trueup.errors import WrongUsage
from trueup.integrations.evidently.preset import EvidentlyDrift
from trueup.integrations.evidently.session import PYTHON, EvidentlyFailed
from trueup.monitoring.detectors.panel import panel_of, watch

OWN = Path(__file__).parents[2] / ".build" / "venv-evidently" / "bin" / "python"


@pytest.fixture(scope="module")
def evidently() -> Iterator[EvidentlyDrift]:
    """Give the detector, in this environment or in the one that scripts/env.sh makes."""
    here = find_spec("evidently") is not None
    if not here and not OWN.exists():
        pytest.skip("Evidently has no environment: scripts/env.sh evidently")
    own = {} if here else {PYTHON: str(OWN)}
    with EvidentlyDrift({"PATH": os.defpath, **own}) as one:
        yield one


@pytest.mark.slow
def test_it_says_what_evidently_says_and_keeps_its_page(evidently: EvidentlyDrift) -> None:
    state = evidently.begin(windows(1, 5), PLAN)
    rows = window(np.random.default_rng(2), shift=1.5, rows=300)
    look = evidently.look(state, rows, keep=True).look
    assert [name for name, _ in look.scores] == [
        "a (K-S p_value)",
        "b (K-S p_value)",
        "wrong (Z-test p_value)",
        "word (chi-square p_value)",
    ]
    scores = dict(look.scores)
    whole = pl.concat(windows(1, 5))
    for name in ("a", "b"):
        p_value = ks_2samp(whole[name].to_numpy(), rows[name].to_numpy()).pvalue
        assert scores[f"{name} (K-S p_value)"] == pytest.approx(-math.log10(p_value), rel=1e-3)
    assert look.says[0].startswith("a: K-S p_value")
    (page,) = look.artefacts
    assert page.name == "evidently.data_drift.html"
    assert b"<html" in page.body[:1000]
    assert evidently.look(state, rows).look.artefacts == ()


@pytest.mark.slow
def test_neither_the_order_of_rows_nor_what_it_saw_before_changes_what_it_says(
    evidently: EvidentlyDrift,
) -> None:
    reference = windows(1, 5)
    state = evidently.begin(reference, PLAN)
    rows = window(np.random.default_rng(2), rows=300)
    plain = evidently.look(state, rows)
    evidently.look(state, window(np.random.default_rng(3), shift=2.0))
    mixed = [each.reverse() for each in reference]
    other = evidently.look(evidently.begin(mixed, PLAN), rows.reverse())
    assert evidently.look(state, rows) == plain
    assert dict(other.look.scores) == pytest.approx(dict(plain.look.scores))


@pytest.mark.slow
def test_its_scores_are_calibrated_and_its_own_verdict_stands_apart(
    evidently: EvidentlyDrift,
) -> None:
    detectors = {evidently.name: evidently}
    rows = windows(7, 90, rows=100)
    panel = panel_of(detectors, rows[:60], PLAN)
    assert panel.members[0].standing == "calibrated"
    incidents = 0
    for each in rows[60:]:
        came = watch(panel, detectors, each)
        panel = came.panel
        incidents += came.incident
    assert incidents <= 7  # 3 are promised in these 30 days
    came = watch(panel, detectors, window(np.random.default_rng(8), shift=1.5, rows=100))
    assert came.alarmed
    assert came.findings[0].strongest.startswith("a (Wasserstein")


@pytest.mark.slow
def test_what_evidently_cannot_compare_is_said_in_a_sentence(evidently: EvidentlyDrift) -> None:
    state = evidently.begin(windows(1, 5), PLAN)
    empty = window(np.random.default_rng(2)).with_columns(pl.lit(None, pl.Float64).alias("a"))
    with pytest.raises(EvidentlyFailed, match="could not compare the window"):
        evidently.look(state, empty)
    words = pl.col("word").cast(pl.Categorical)
    others = windows(1, 5)[0].with_columns(words, pl.col("b").cast(pl.Decimal(10, 4)))
    assert len(evidently.look(state, others).look.scores) == 4
    with pytest.raises(WrongUsage, match="b is missing"):
        evidently.look(state, empty.drop("b"))


def test_a_python_without_evidently_is_named_with_its_last_words(tmp_path: Path) -> None:
    false = tmp_path / "python"
    false.write_text("#!/bin/sh\necho there is nothing here >&2\n")
    false.chmod(0o755)
    with EvidentlyDrift({"PATH": os.defpath, PYTHON: str(false)}) as one:
        state = one.begin(windows(1, 2), PLAN)
        with pytest.raises(
            EvidentlyFailed, match=r"gave no answer.*there is nothing here"
        ) as error:
            one.look(state, windows(2, 1)[0])
        assert PYTHON in error.value.remedy
    gone = {PYTHON: str(tmp_path / "gone")}
    with EvidentlyDrift(gone) as one, pytest.raises(EvidentlyFailed, match="could not be started"):
        one.look(one.begin(windows(1, 2), PLAN), windows(2, 1)[0])


def test_where_it_is_nowhere_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trueup.integrations.evidently.session.find_spec", lambda name: None)
    with pytest.raises(WrongUsage, match="needs the package evidently") as error:
        EvidentlyDrift({})
    assert "pip install 'trueup[evidently]'" in error.value.remedy
    assert PYTHON in error.value.remedy


def test_a_reference_without_comparable_columns_is_refused() -> None:
    table = pl.DataFrame({"at": [datetime(2020, 1, 1, tzinfo=UTC)]})
    with (
        EvidentlyDrift({PYTHON: str(OWN)}) as one,
        pytest.raises(WrongUsage, match="no column has any"),
    ):
        one.begin([table], PLAN)
