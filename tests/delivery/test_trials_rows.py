"""Captured answers of every task, as the gate takes them; and which of them a version has seen."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from trueup.captures.pairing import CHALLENGER, CHAMPION
from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.delivery.evaluating import rows_of
from trueup.delivery.identities import digests, packed
from trueup.delivery.seen import Seen
from trueup.delivery.trials.live import Live, Versions, digest_of, evaluation_of, predictions_of
from trueup.delivery.trials.seen_rows import live_seen
from trueup.errors import WrongUsage
from trueup.gate.comparing import compare

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def live(truth: list[Any], outputs: Mapping[str, Mapping[str, Any]], **asked: list[Any]) -> Live:
    """Return paired rows, an hour apart, with these outputs by side and inputs by name."""
    rows = len(truth)
    frame = pl.DataFrame(
        {
            "id": [f"p-{k}" for k in range(rows)],
            "time": [NOON + timedelta(hours=k) for k in range(rows)],
            "role": ["champion"] * rows,
            "propensity": [None] * rows,
            "truth": truth,
            **{side + name: each for side, some in outputs.items() for name, each in some.items()},
            **{f"slice.{name}": each for name, each in asked.items()},
        }
    )
    entry = EvaluateEntry(id="order", time="sold_at")
    return Live(Versions("shop/sale", 1, 2), entry, frame, frame)


def alike(outputs: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {CHAMPION: outputs, CHALLENGER: outputs}


@pytest.mark.parametrize(
    ("task", "truth", "outputs", "expected"),
    [
        ("binary", [1, 0, None], {"prediction": [1, 1, 0], "score": [0.9, 0.6, 0.1]}, [0.9, 0.6]),
        ("binary", ["yes", "no", None], {"prediction": ["yes", "yes", "no"]}, [1.0, 1.0]),
        ("regression", [3.0, 4.0, None], {"prediction": [2.5, 4.5, 1.0]}, [2.5, 4.5]),
        (
            "multiclass",
            ["b", "a", "c"],
            {
                "prediction": ["b", "b", "c"],
                **{"score_a": [0.1, 0.2, 0.3], "score_b": [0.8, 0.7, 0.1]},
                "score_c": [0.1, 0.1, 0.6],
            },
            [[0.1, 0.8, 0.1], [0.2, 0.7, 0.1]],
        ),
        (
            "multilabel",
            [["x"], ["x", "y"], ["y"]],
            {"prediction": [["x"], ["x"], ["x", "y"]]},
            [[1.0, 0.0], [1.0, 0.0]],
        ),
    ],
)
def test_captured_answers_of_a_task_are_predictions(
    task: Any, truth: list[Any], outputs: dict[str, list[Any]], expected: Any
) -> None:
    rows = live(truth, alike(outputs))
    table = evaluation_of(rows, ModelEntry(task=task), "a digest")
    both = {"candidate": predictions_of(rows, table, CHALLENGER)}
    both["champion"] = predictions_of(rows, table, CHAMPION)
    assert np.asarray(both["candidate"])[:2].tolist() == expected
    found = compare(rows_of(table, both))
    assert len(found.table) == sum(one is not None for one in truth)
    assert found.no_change


def test_what_only_the_other_version_has_answered_is_not_a_versions_prediction() -> None:
    outputs = {
        CHAMPION: {"score": [0.1, 0.9], "proba": [None, None]},
        CHALLENGER: {"score": [None, None], "proba": [0.2, 0.8]},
    }
    rows = live([0, 1], outputs)
    table = evaluation_of(rows, ModelEntry(task="binary"), "a digest")
    assert predictions_of(rows, table, CHAMPION).tolist() == [0.1, 0.9]
    assert predictions_of(rows, table, CHALLENGER).tolist() == [0.2, 0.8]


def test_a_model_without_a_task_is_told_to_say_it() -> None:
    with pytest.raises(WrongUsage, match="does not say what it predicts"):
        evaluation_of(live([1], alike({"score": [0.5]})), ModelEntry(), "a digest")


def test_the_digest_of_rows_changes_with_labels_and_answers_and_with_nothing_else() -> None:
    first = live([1, 0, None], alike({"score": [0.1, 0.2, 0.3]}))
    same = live([1, 0, None], alike({"score": [0.1, 0.2, 0.9]}))
    assert digest_of(first) == digest_of(same)
    for other in (
        live([1, 0, 1], alike({"score": [0.1, 0.2, 0.3]})),
        live([1, 1, None], alike({"score": [0.1, 0.2, 0.3]})),
        live([1, 0, None], alike({"score": [0.1, 0.21, 0.3]})),
        live([1, 0, None], alike({"score": [0.1, 0.2, 0.3]}), shop=["a", "b", "a"]),
    ):
        assert digest_of(first) != digest_of(other)


def by_ids(*names: str) -> Seen:
    return Seen("by id", ids=packed(digests(pl.Series(names))), by_ids=True)


def mask(seen: Seen, rows: Live) -> Any:
    found = live_seen(seen, rows)
    return None if found is None else found.tolist()


def test_a_row_is_seen_by_its_predictions_id_or_by_its_own_where_that_was_captured() -> None:
    score = alike({"score": [0.1, 0.2, 0.3]})
    seen = by_ids("p-0", "7")
    assert mask(seen, live([0, 1, 0], score)) == [True, False, False]
    assert mask(seen, live([0, 1, 0], score, order=[5, None, 7])) == [True, False, True]


def test_rows_until_the_cut_off_are_seen_by_their_own_time_else_by_that_of_the_answer() -> None:
    score = alike({"score": [0.1, 0.2]})
    rows = live([0, 1], score)
    own = live([0, 1], score, sold_at=["2026-11-01T10:00:00", "2026-11-01T12:00:00"])
    assert mask(Seen("by time", cutoff="2026-11-01T11:00:00.000000"), own) == [True, False]
    assert mask(Seen("by time", cutoff="2026-11-23T12:00:00.000000Z"), rows) == [True, False]
    assert mask(Seen("by time", cutoff="2026-11-23T00:30:00.000000"), rows) == [True, False]
    assert mask(Seen("by time", cutoff=repr(NOON.timestamp())), rows) == [True, False]


def test_steps_and_unknown_rows_leave_it_unknown() -> None:
    rows = live([0, 1], alike({"score": [0.1, 0.2]}))
    assert mask(Seen("by time", cutoff="2025.0"), rows) is None
    assert mask(Seen("not known"), rows) is None
    assert mask(Seen("reads the test rows", leaked="test.csv"), rows) is None
