"""What is erased is gone from every place of ours, and stays gone when it arrives late."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.captures.rows import MODEL, NOON, QUICK, bring, captured, labelled
from trueup.captures import erasing, exporting, reading, shipping
from trueup.captures.erasures import Order
from trueup.captures.exporting import Wish
from trueup.captures.records import Batch, Captured, Rules
from trueup.captures.spool import Spool
from trueup.errors import RemoteSilent, WrongUsage
from trueup.store.folder import FolderBucket
from trueup.store.memory import MemoryBucket

ORDER = Order("ada@example.org", NOON, "asked for by the person")


def person(name: str, tail: str, **more: object) -> Captured:
    return Captured(
        *(MODEL, 1, "d" * 64, NOON, [name]),
        {"tailnum": [tail], "seats": [5], "late": [True], "delay": [0.5]},
        {"score": np.ones(1)},
    )


def ids_left(bucket: MemoryBucket) -> set[str]:
    return set(reading.captures(bucket, MODEL).collect()["id"])


def test_ids_are_erased_from_captures_and_labels(bucket: MemoryBucket, tmp_path: Path) -> None:
    names = [f"{k}" for k in range(10)]
    before = captured(names)
    bring([before, labelled(names, 1), labelled(["3"], 0)], bucket, tmp_path)
    done = erasing.erase(bucket, MODEL, ["3", "7", "absent"], ORDER)
    assert (done.captures, done.labels) == (2, 3)
    found = reading.captures(bucket, MODEL).collect()
    assert found["id"].to_list() == [one for one in names if one not in ("3", "7")]
    assert found["input.tailnum"].to_list() == [f"N{int(k) % 7}" for k in found["id"]]
    assert found["output.prediction"].dtype == pl.Int64
    assert found["digest"].unique().to_list() == ["d" * 16]
    assert set(reading.all_words(bucket, MODEL).collect()["id"]) == set(found["id"])


def test_a_person_is_erased_by_what_was_captured_refused_requests_included(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    refused = Captured(MODEL, 1, "d" * 64, NOON, ["r"], {"tailnum": ["N1"]}, {}, refused="no seats")
    bring([person("a", "N1"), person("b", "N2"), refused, labelled(["a"], 1)], bucket, tmp_path)
    done = erasing.erase(bucket, MODEL, {"tailnum": "N1"}, ORDER)
    assert (done.captures, done.labels) == (2, 1)
    assert ids_left(bucket) == {"b"}
    assert reading.captures(bucket, MODEL, refusals="only").collect().height == 0


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ({"seats": "5"}, 0),
        ({"late": "true"}, 0),
        ({"delay": "0.5", "tailnum": "N1"}, 1),
        ({"seats": "6"}, 2),
        ({"input.tailnum": "N2"}, 1),
        ({"version": "1"}, 0),
    ],
)
def test_values_are_compared_as_a_person_writes_them(
    bucket: MemoryBucket, tmp_path: Path, where: dict[str, str], left: int
) -> None:
    bring([person("a", "N1"), person("b", "N2")], bucket, tmp_path / "1")
    erasing.erase(bucket, MODEL, where, ORDER)
    assert len(ids_left(bucket)) == left
    # The same holds for what arrives late, which is told by digests.
    bring([person("c", "N1"), person("d", "N2")], bucket, tmp_path / "2")
    assert len(ids_left(bucket)) == 2 * left


@pytest.mark.parametrize("chosen", [["a"], {"tailnum": "N1"}])
def test_rows_that_wait_in_a_spool_are_left_out_when_they_are_shipped(
    bucket: MemoryBucket, tmp_path: Path, chosen: list[str] | dict[str, str]
) -> None:
    bring([person("b", "N2"), person("z", "N1")], bucket, tmp_path / "1")
    spool = Spool(tmp_path / "2", QUICK)
    for one in (person("a", "N1"), labelled(["a", "b", "z"], 1), person("c", "N3")):
        assert spool.keep(one)
    erasing.erase(bucket, MODEL, chosen, ORDER)
    assert spool.close()
    shipping.ship(tmp_path / "2", bucket)
    kept = {"b", "c", "z"} if isinstance(chosen, list) else {"b", "c"}
    assert ids_left(bucket) == kept
    assert set(reading.all_words(bucket, MODEL).collect()["id"]) - {"a"} == kept - {"c"}


def test_a_tombstone_tells_neither_ids_nor_values(bucket: MemoryBucket, tmp_path: Path) -> None:
    bring([person("somebody", "N31337")], bucket, tmp_path)
    erasing.erase(bucket, MODEL, {"tailnum": "N31337"}, ORDER)
    everything = [bucket.get(one.key) for one in bucket.list("")]
    assert everything
    assert not any(b"N31337" in one or b"somebody" in one for one in everything)


def test_an_erasing_that_was_interrupted_is_known_and_can_be_done_again(tmp_path: Path) -> None:
    class Silent(MemoryBucket):
        silent = False

        def put(self, key: str, body: bytes | Path, *, sync: bool = False) -> None:
            """Write, unless it is silent."""
            if self.silent:
                raise RemoteSilent("the bucket is silent", remedy="Wait")
            super().put(key, body, sync=sync)

    bucket = Silent()
    bring([captured(["a", "b", "c"])], bucket, tmp_path)
    bucket.silent = True
    with pytest.raises(RemoteSilent):
        erasing.erase(bucket, MODEL, ["a"], ORDER)
    assert len(erasing.unfinished(bucket, MODEL)) == 1
    bucket.silent = False
    assert erasing.erase(bucket, MODEL, ["a"], ORDER).captures == 1
    assert ids_left(bucket) == {"b", "c"}


def test_a_column_that_no_capture_has_is_a_mistake_and_not_nothing_to_do(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    bring([person("a", "N1")], bucket, tmp_path, Rules(redact=("seats",)))
    for name in ("tailnumber", "seats"):
        with pytest.raises(WrongUsage, match=name):
            erasing.erase(bucket, MODEL, {name: "N1"}, ORDER)
    with pytest.raises(WrongUsage):
        erasing.erase(bucket, MODEL, {}, ORDER)


def test_versions_that_were_trained_on_the_rows_are_listed(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    bring([person("a", "N1")], bucket, tmp_path)
    done = erasing.erase(
        bucket, MODEL, {"tailnum": "N1"}, ORDER, lambda ids: [f"{MODEL}/3 ({len(ids)} rows)"]
    )
    assert done.versions == (f"{MODEL}/3 (1 rows)",)


@pytest.mark.parametrize("suffix", exporting.FORMATS)
def test_exports_have_plain_columns_and_are_rewritten_when_rows_are_erased(
    bucket: MemoryBucket, tmp_path: Path, suffix: str
) -> None:
    shadow = captured(["1"], role="shadow", version=2)
    batches: list[Batch] = [captured(["1", "2", "3"]), shadow, labelled(["1", "2"], 1)]
    bring(batches, bucket, tmp_path / "spool")
    out, gone = tmp_path / f"train{suffix}", tmp_path / f"gone{suffix}"
    for place in (out, gone):
        made = exporting.export(bucket, MODEL, place, Wish(target="late"), ORDER)
        assert made.rows == 2
    gone.unlink()
    frame = exporting.scan(out).collect()
    assert frame.columns == ["id", "at", "carrier", "delay", "tailnum", "late"]
    assert frame["id"].to_list() == ["1", "2"]
    done = erasing.erase(bucket, MODEL, ["2"], ORDER)
    assert (done.exports, done.elsewhere) == ((str(out),), (str(gone),))
    assert exporting.scan(out).collect()["id"].to_list() == ["1"]


def test_an_export_of_an_unknown_format_names_the_known_ones(
    bucket: MemoryBucket, tmp_path: Path
) -> None:
    with pytest.raises(WrongUsage, match="parquet"):
        exporting.export(bucket, MODEL, tmp_path / "x.xls", Wish(), ORDER)


def test_erasing_works_in_a_folder_and_leaves_nothing_behind(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    bring([person("somebody", "N31337"), person("b", "N2")], bucket, tmp_path / "spool")
    erasing.erase(bucket, MODEL, {"tailnum": "N31337"}, ORDER)
    files = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert not any(b"N31337" in one.read_bytes() for one in files)
