"""The hold-out is kept: what was trained on lies before it, what is judged lies in it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.errors import WrongUsage
from trueup.project.withholding import check_holdout, trespass

pl: Any = pytest.importorskip("polars")

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
EVALUATE = EvaluateEntry(data="test.csv", target="y", id="id", time="at")
ENTRY = ModelEntry(path="m.onnx", evaluate=EVALUATE, seen=("train.csv",))


def world(root: Path, train: dict[str, list[Any]], test: dict[str, list[Any]]) -> Path:
    pl.DataFrame(train).write_csv(root / "train.csv")
    pl.DataFrame(test).write_csv(root / "test.csv")
    return root


OLD, NEW = "2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z"
JUDGED = {"id": ["7", "8"], "at": [NEW, NEW]}


@pytest.mark.parametrize(
    ("train", "test", "says"),
    [
        ({"at": [OLD, OLD]}, JUDGED, ""),
        ({"at": [OLD, NEW]}, JUDGED, "held-out rows: 1 of 2 rows of train.csv are in the hold-out"),
        ({"at": [OLD, None]}, JUDGED, "held-out rows: 1 of 2"),
        ({"at": ["2026-02-28", "2026-03-01"]}, JUDGED, "held-out rows: 1 of 2"),
        ({"at": ["2026-03-01T01:30:00+02:00"]}, JUDGED, ""),
        ({"at": [1772323199, 1772323200]}, JUDGED, "held-out rows: 1 of 2"),
        ({"at": [1, 2]}, JUDGED, "cannot be told .* numbers that are no times"),
        ({"at": ["soon"]}, JUDGED, "cannot be told .* holds no times"),
        ({"id": [1, 7]}, JUDGED, "held-out rows: 1 of 2 rows of train.csv are judged on as well"),
        ({"id": [1, 2]}, JUDGED, ""),
        ({"x": [1]}, JUDGED, "cannot be told .* neither times nor ids"),
        ({"at": [OLD]}, {"at": [OLD, NEW, None]}, "judged outside the hold-out: 2 of 3 rows"),
        ({"at": [OLD]}, {"id": [1]}, "cannot be told .* test.csv has no column at"),
    ],
)
def test_what_crosses_the_beginning_of_the_hold_out_is_named(
    tmp_path: Path, train: dict[str, list[Any]], test: dict[str, list[Any]], says: str
) -> None:
    import re

    found = trespass(world(tmp_path, train, test), ENTRY, SINCE)
    assert re.search(says, found) if says else found == ""


def test_a_table_that_is_not_there_is_not_taken_for_a_good_one(tmp_path: Path) -> None:
    world(tmp_path, {"at": [OLD]}, JUDGED)
    (tmp_path / "train.csv").unlink()
    assert "cannot be told whether the hold-out was kept: train.csv" in trespass(
        tmp_path, ENTRY, SINCE
    )


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (ModelEntry(path="m.onnx", seen=("train.csv",)), "wants evaluate: time:"),
        (ModelEntry(path="m.onnx", evaluate=EVALUATE), "wants seen:"),
        (
            ModelEntry(
                path="m.onnx",
                seen=("train.csv",),
                evaluate=EvaluateEntry(data="t.csv", time="at", holdout="sealed"),
            ),
            "sealed rows stay the same",
        ),
    ],
)
def test_a_hold_out_that_nobody_could_see_kept_is_refused(entry: ModelEntry, says: str) -> None:
    check_holdout(ENTRY, "trueup.yaml")
    with pytest.raises(WrongUsage, match=says):
        check_holdout(entry, "trueup.yaml")
