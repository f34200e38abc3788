"""Which rows a model has seen: from the tables its training reads, and from nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.config.load import load
from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.config.records import Dependency, Output, Stage
from trueup.delivery import identities
from trueup.delivery.seen import (
    Seen,
    decode,
    encode,
    rows_seen,
    seen_by,
    seen_by_any,
)
from trueup.delivery.training import training_of
from trueup.errors import NotProven, WrongUsage
from trueup.pipeline.graph import Graph, graph_of

np = pytest.importorskip("numpy")
pl = pytest.importorskip("polars")

MODEL, TRAIN, TEST = "model.skops", "data/train.parquet", "data/test.parquet"
NOON = datetime(2013, 6, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Rows:
    """The rows that a model is judged on."""

    entry: EvaluateEntry
    frame: Any
    ids: Any = None
    time: Any = None


def stage(name: str, reads: tuple[str, ...], makes: tuple[str, ...]) -> Stage:
    return Stage(
        name,
        ("true",),
        deps=tuple(Dependency(path) for path in reads),
        outs=tuple(Output(path) for path in makes),
    )


def pipeline(*stages: Stage) -> Graph:
    return graph_of({one.name: one for one in stages})


def plain(*also_read: str) -> Graph:
    """Return the usual pipeline: raw rows are split, then one part trains and one judges."""
    return pipeline(
        stage("prepare", ("prepare.py", "data/raw"), (TRAIN, TEST)),
        stage("train", ("train.py", TRAIN, *also_read), (MODEL,)),
        stage("evaluate", (TEST, MODEL), ("predictions.parquet",)),
    )


def model(**more: Any) -> ModelEntry:
    evaluate = {"data": TEST, "target": "y", "id": "id"} | more.pop("evaluate", {})
    return ModelEntry(path=MODEL, evaluate=EvaluateEntry(**evaluate), **more)


def write(root: Path, path: str, columns: Mapping[str, Any]) -> None:
    place, frame = root / path, pl.DataFrame(columns)
    place.parent.mkdir(parents=True, exist_ok=True)
    writers = {
        ".parquet": frame.write_parquet,
        ".csv": frame.write_csv,
        ".tsv": lambda to: frame.write_csv(to, separator="\t"),
        ".jsonl": frame.write_ndjson,
        ".arrow": frame.write_ipc,
    }
    writers[place.suffix](place)


def rows(entry: ModelEntry, columns: Mapping[str, Any]) -> Rows:
    assert entry.evaluate
    frame = pl.DataFrame(columns)
    named = [frame[name] if name in frame.columns else None for name in ("id", "at")]
    return Rows(entry.evaluate, frame, *named)


def mask(seen: Seen, entry: ModelEntry, columns: Mapping[str, Any]) -> list[bool] | None:
    found = rows_seen(seen, rows(entry, columns))
    return None if found is None else found.tolist()


def split(root: Path, train: list[Any], test: list[Any]) -> None:
    """Write all rows as they come, and the two parts."""
    write(root, "data/raw/rows.parquet", {"id": train + test})
    write(root, TRAIN, {"id": train, "y": [0] * len(train)})
    write(root, TEST, {"id": test, "y": [0] * len(test)})


def test_rows_of_the_training_table_are_seen_and_counted_exactly(tmp_path: Path) -> None:
    split(tmp_path, [f"row-{n}" for n in range(100)], [f"row-{n}" for n in range(93, 113)])
    seen = seen_by(tmp_path, model(), plain())
    assert seen.known
    assert seen.rows == 100
    found = mask(seen, model(), {"id": [f"row-{n}" for n in range(93, 113)]})
    assert found == [True] * 7 + [False] * 13
    assert seen.how == f"stage train: 100 rows by id, from {TRAIN}"


def test_raw_rows_that_are_split_later_do_not_make_everything_seen(tmp_path: Path) -> None:
    split(tmp_path, [1, 2, 3], [4, 5])
    seen = seen_by(tmp_path, model(), plain())
    assert mask(seen, model(), {"id": [4, 5]}) == [False, False]


def test_raw_rows_that_training_reads_itself_are_seen(tmp_path: Path) -> None:
    split(tmp_path, [1, 2, 3], [4, 5])
    seen = seen_by(tmp_path, model(), plain("data/raw"))
    assert mask(seen, model(), {"id": [4, 5, 6]}) == [True, True, False]


def test_tables_between_the_split_and_the_model_count_and_the_evaluation_does_not() -> None:
    graph = pipeline(
        stage("ingest", (), ("data/raw",)),
        stage("prepare", ("data/raw",), (TRAIN, TEST)),
        stage("tune", (TRAIN, "data/folds.csv"), ("best.json",)),
        stage("train", (TRAIN, "best.json", "data/validation.csv"), (MODEL,)),
        stage("calibrate", ("data/calibration.csv", MODEL), ("final.skops",)),
        stage("evaluate", (TEST, "final.skops", "data/more.csv"), ("predictions.parquet",)),
    )
    training = training_of(graph, "final.skops", TEST)
    assert training.stages == ("tune", "train", "calibrate")
    assert training.reads == (
        TRAIN,
        "data/folds.csv",
        "best.json",
        "data/validation.csv",
        "data/calibration.csv",
        MODEL,
    )


def test_judged_on_what_the_evaluation_makes_the_split_is_still_no_training() -> None:
    training = training_of(plain(), MODEL, "predictions.parquet")
    assert training.stages == ("train",)


def test_a_test_table_from_outside_the_pipeline_leaves_every_stage_a_training_stage() -> None:
    assert training_of(plain(), MODEL, "elsewhere/test.csv").stages == ("prepare", "train")


def test_a_stage_that_both_splits_and_trains_leaves_it_unknown(tmp_path: Path) -> None:
    graph = pipeline(stage("all", ("data/raw",), (MODEL, TEST)))
    split(tmp_path, [1], [2])
    seen = seen_by(tmp_path, model(), graph)
    assert not seen.known
    assert seen.how == (
        f"not known: stage all makes {MODEL} and the rows it is judged on; "
        "name the tables that it was trained on under seen: of the model"
    )
    assert mask(seen, model(), {"id": [1, 2]}) is None


def test_what_is_declared_stands_for_what_the_pipeline_says(tmp_path: Path) -> None:
    split(tmp_path, [1, 2], [3, 4])
    write(tmp_path, "elsewhere/own.csv", {"id": [4, 9]})
    entry = model(seen=("./elsewhere/own.csv",))
    seen = seen_by(tmp_path, entry, pipeline())
    assert mask(seen, entry, {"id": [1, 3, 4]}) == [False, False, True]
    assert seen.how == "seen: of the model: 2 rows by id, from elsewhere/own.csv"


def test_a_folder_of_tables_counts_with_all_that_lie_in_it(tmp_path: Path) -> None:
    write(tmp_path, "parts/a.parquet", {"id": [1]})
    write(tmp_path, "parts/deep/b.csv", {"id": [2]})
    write(tmp_path, "parts/c.jsonl", {"id": [3]})
    write(tmp_path, "parts/d.tsv", {"id": [4]})
    write(tmp_path, "parts/e.arrow", {"id": [5]})
    write(tmp_path, "parts/.hidden.csv", {"id": [6]})
    (tmp_path / "parts" / "readme.txt").write_text("id\n7\n")
    seen = seen_by(tmp_path, model(seen=("parts",)), pipeline())
    assert mask(seen, model(), {"id": list(range(9))}) == [0 < n < 6 for n in range(9)]


def test_linked_folders_and_those_outside_the_project_count_once(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside"
    write(outside, "deep/a.csv", {"id": [1]})
    (outside / "deep" / "round").symlink_to(outside)
    write(root, "data/b.csv", {"id": [2]})
    (root / "data" / "linked").symlink_to(outside)
    for path, rows_there in (("data", [1, 2]), (str(outside), [1]), ("../outside", [1])):
        seen = seen_by(root, model(seen=(path,)), pipeline())
        assert mask(seen, model(), {"id": [1, 2]}) == [n in rows_there for n in (1, 2)]
    assert seen.how == "seen: of the model: 1 row by id, from ../outside/deep/a.csv"


@pytest.mark.parametrize("ids", [True, False])
def test_training_that_reads_the_evaluation_data_has_seen_it_all(tmp_path: Path, ids: bool) -> None:
    name = "id" if ids else "other"
    write(tmp_path, TRAIN, {name: [1, 2]})
    write(tmp_path, TEST, {name: [3, 4]})
    entry = model() if ids else model(evaluate={"id": ""})
    seen = seen_by(tmp_path, entry, plain(TEST))
    assert mask(seen, entry, {name: [3, 4]}) == [True, True]
    assert f"stage train reads {TEST}, in which lie the rows it is judged on" in seen.how


def test_training_that_reads_the_folder_of_the_evaluation_data_has_seen_it_all(
    tmp_path: Path,
) -> None:
    split(tmp_path, [1, 2], [3, 4])
    seen = seen_by(tmp_path, model(), plain("data"))
    assert mask(seen, model(), {"id": [3, 4, 5]}) == [True, True, False]


def test_a_leak_without_ids_says_nothing_of_other_evaluation_data(tmp_path: Path) -> None:
    write(tmp_path, TRAIN, {"x": [1]})
    write(tmp_path, TEST, {"x": [1]})
    seen = seen_by(tmp_path, model(evaluate={"id": ""}), plain(TEST))
    assert mask(seen, model(evaluate={"id": "", "data": "data/june.csv"}), {"x": [1]}) is None


def test_without_ids_what_lies_before_the_last_training_time_is_seen(tmp_path: Path) -> None:
    write(tmp_path, TRAIN, {"at": [NOON - timedelta(days=9), NOON]})
    entry = model(evaluate={"time": "at"})
    seen = seen_by(tmp_path, entry, plain())
    assert seen.cutoff == "2013-06-01T12:00:00.000000Z"
    times = [NOON - timedelta(days=20), NOON, NOON + timedelta(microseconds=1), None]
    assert mask(seen, entry, {"at": times}) == [True, True, False, True]
    assert mask(seen, entry, {"at": ["2013-06-01 14:00+02:00", "2013-06-01T12:00:01Z"]}) == [
        True,
        False,
    ]
    assert mask(seen, entry, {"at": [datetime(2020, 1, 1)]}) is None
    assert mask(seen, entry, {"id": [1]}) is None


def test_a_training_date_lasts_until_its_day_ends(tmp_path: Path) -> None:
    write(tmp_path, TRAIN, {"at": ["2013-05-31", "2013-06-01"]})
    (tmp_path / TRAIN).rename(tmp_path / "data/keep")
    write(tmp_path, "data/train.csv", {"at": ["2013-05-31", "2013-06-01"]})
    entry = model(evaluate={"time": "at"}, seen=("data/train.csv",))
    seen = seen_by(tmp_path, entry, pipeline())
    assert seen.cutoff == "2013-06-01T23:59:59.999999"
    assert mask(seen, entry, {"at": [date(2013, 6, 1), date(2013, 6, 2)]}) == [True, False]
    assert mask(seen, entry, {"at": ["2013-06-01 23:30:00", "2013-06-02 00:00"]}) == [True, False]


def test_times_that_are_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    write(tmp_path, TRAIN, {"at": [1, 9, 10]})
    entry = model(evaluate={"time": "at"})
    seen = seen_by(tmp_path, entry, plain())
    assert mask(seen, entry, {"at": [9.0, 10.0, 10.5, float("nan")]}) == [True, True, False, True]


def test_the_later_of_two_tables_without_ids_is_the_cut_off(tmp_path: Path) -> None:
    write(tmp_path, TRAIN, {"at": [NOON]})
    write(tmp_path, "data/v.csv", {"at": ["2013-06-03T00:00:00Z"]})
    seen = seen_by(tmp_path, model(evaluate={"time": "at"}), plain("data/v.csv"))
    assert seen.cutoff == "2013-06-03T00:00:00.000000Z"
    assert f"from {TRAIN}, data/v.csv" in seen.how
    write(tmp_path, "data/v.csv", {"at": ["2013-06-03"]})
    assert not seen_by(tmp_path, model(evaluate={"time": "at"}), plain("data/v.csv")).known


@pytest.mark.parametrize(
    ("columns", "entry", "why"),
    [
        ({"x": [1]}, model(), "stage train reads no table with id"),
        ({"x": [1]}, model(evaluate={"time": "at"}), "stage train reads no table with id or at"),
        ({"x": [1]}, model(evaluate={"id": ""}), "evaluate: names no column of ids"),
        ({"id": [[1]]}, model(), f"{TRAIN} cannot be read: id holds List(Int64)"),
        ({"at": ["soon"]}, model(evaluate={"time": "at"}), "reads no table with id or at"),
        ({"id": [1]}, ModelEntry(path=MODEL), "the model has no evaluate:"),
        ({"id": [1]}, msgspec.structs.replace(model(), path="my.skops"), "no stage makes my.skops"),
    ],
)
def test_where_neither_can_be_had_it_says_what_to_declare(
    tmp_path: Path, columns: dict[str, Any], entry: ModelEntry, why: str
) -> None:
    write(tmp_path, TRAIN, columns)
    seen = seen_by(tmp_path, entry, plain())
    assert not seen.known
    assert seen.how.startswith("not known: ")
    assert why in seen.how
    assert seen.how.endswith("name the tables that it was trained on under seen: of the model")


def test_a_table_that_was_not_fetched_or_is_none_makes_it_unknown(tmp_path: Path) -> None:
    write(tmp_path, TRAIN, {"id": [1]})
    assert seen_by(tmp_path, model(), plain("gone.py")).known
    for gone in ("data/gone.csv", "data/gone"):
        seen = seen_by(tmp_path, model(), plain(gone))
        assert not seen.known
        assert f"{gone} is not here (fetch it with: trueup pull)" in seen.how
    (tmp_path / "data/broken.parquet").write_bytes(b"no table")
    assert "broken.parquet cannot be read" in seen_by(tmp_path, model(), plain("data")).how


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".arrow", ".parquet"])
def test_an_id_is_the_same_in_every_format(tmp_path: Path, suffix: str) -> None:
    path = f"data/seen{suffix}"
    for ids in ([7, 8, 10**15], ["007", "8", str(10**15)], [7.0, 8.0, 1e15]):
        write(tmp_path, path, {"id": ids})
        seen = seen_by(tmp_path, model(seen=(path,)), pipeline())
        for asked in ([7, 9, 10**15], ["7", "9", "1000000000000000"], [7.0, 9.0, 1e15]):
            assert mask(seen, model(), {"id": asked}) == [True, False, True]
    write(tmp_path, path, {"id": ["zürich", "ÿ", "Ünal 7"]})
    seen = seen_by(tmp_path, model(seen=(path,)), pipeline())
    assert mask(seen, model(), {"id": ["zürich", "zurich", "Ünal 7"]}) == [True, False, True]


def test_ids_that_were_rounded_are_none(tmp_path: Path) -> None:
    write(tmp_path, "data/own.csv", {"id": ["1234567890123456789", "7.5"]})
    seen = seen_by(tmp_path, model(seen=("data/own.csv",)), pipeline())
    assert mask(seen, model(), {"id": ["1234567890123456789", "7.50"]}) == [True, True]
    assert mask(seen, model(), {"id": [1234567890123456789]}) == [True]
    assert mask(seen, model(), {"id": [7.5]}) == [True]
    assert mask(seen, model(), {"id": [1234567890123456789.0]}) is None


def test_a_row_without_an_id_cannot_be_shown_to_be_new(tmp_path: Path) -> None:
    write(tmp_path, TRAIN, {"id": ["a", None]})
    seen = seen_by(tmp_path, model(), plain())
    assert seen.rows == 1
    assert mask(seen, model(), {"id": ["b", None, " ", "a"]}) == [False, True, True, True]
    assert mask(seen, model(), {"id": [["b"]]}) is None


def test_tables_without_ids_beside_one_that_has_them_are_named(tmp_path: Path) -> None:
    write(tmp_path, TRAIN, {"id": [1]})
    write(tmp_path, "data/airports.csv", {"code": ["EWR"]})
    seen = seen_by(tmp_path, model(), plain("data/airports.csv"))
    assert seen.how == f"stage train: 1 row by id, from {TRAIN}; without id: data/airports.csv"


def test_the_flights_example_trains_on_no_test_row_and_a_spoiled_one_is_counted(
    tmp_path: Path,
) -> None:
    example = load(Path(__file__).resolve().parents[2] / "examples" / "flights")
    entry, stages = example.models["flight-late"], graph_of(example.stages)
    parts = {"train": range(60), "validation": range(60, 80), "test": range(80, 100)}
    for name, numbers in parts.items():
        write(tmp_path, f"data/{name}.parquet", {"flight_id": [f"UA-{n}" for n in numbers]})
    write(tmp_path, "data/raw/flights.parquet", {"flight_id": [f"UA-{n}" for n in range(100)]})
    tested = pl.read_parquet(tmp_path / TEST)
    judged_rows = Rows(entry.evaluate, tested, tested["flight_id"])

    seen = seen_by(tmp_path, entry, stages)
    found = rows_seen(seen, judged_rows)
    assert found is not None
    assert (seen.rows, found.sum()) == (80, 0)
    assert seen.how == (
        "stage train: 80 rows by flight_id, from data/train.parquet, data/validation.parquet"
    )

    write(tmp_path, "data/train.parquet", {"flight_id": [f"UA-{n}" for n in range(87)]})
    found = rows_seen(seen_by(tmp_path, entry, stages), judged_rows)
    assert found is not None
    assert found.sum() == 7


def test_an_empty_training_table_is_known_to_hold_nothing(tmp_path: Path) -> None:
    write(tmp_path, TRAIN, {"id": []})
    seen = seen_by(tmp_path, model(), plain())
    assert mask(seen, model(), {"id": [1, 2]}) == [False, False]


@given(
    st.sets(st.text(max_size=5), max_size=20),
    st.lists(st.text(max_size=5), min_size=1, max_size=20),
)
def test_exactly_the_ids_that_were_there_are_seen(there: set[str], asked: list[str]) -> None:
    def normal(ids: list[str]) -> list[str | None]:
        found: list[str | None] = identities.texts(pl.Series("id", ids, dtype=pl.String)).to_list()
        return found

    text = pl.Series("id", normal(sorted(there)), dtype=pl.String)
    body = identities.packed(identities.digests(text.drop_nulls()))
    seen = Seen("", ids=body, by_ids=True)
    known = set(normal(sorted(there))) | {None}
    assert mask(seen, model(), {"id": asked}) == [one in known for one in normal(asked)]


def test_digests_are_those_of_blake3_in_order_and_once() -> None:
    from blake3 import blake3

    text = pl.Series(["b", "a", "b", "c"])
    wanted = sorted(blake3(one).digest(length=8) for one in (b"a", b"b", b"c"))
    body = identities.packed(identities.digests(text))
    assert body == b"".join(wanted)
    assert identities.packed(identities.unpacked(body)) == body


def test_what_was_encoded_is_decoded_and_its_bytes_never_change(tmp_path: Path) -> None:
    write(tmp_path, TRAIN, {"id": [3, 1, 2, 2]})
    seen = seen_by(tmp_path, model(), plain())
    assert decode(encode(seen), "seen") == seen
    write(tmp_path, TRAIN, {"id": [2, 3, 1]})
    assert encode(seen_by(tmp_path, model(), plain())) == encode(seen)
    # Written by the first release: read for ever.
    old = bytes.fromhex(
        "86a6666f726d617401a3686f77a178a3696473c4080102030405060708"
        "a66375746f6666a0a66c65616b6564a0a662795f696473c3"
    )
    assert decode(old, "seen") == Seen("x", ids=bytes(range(1, 9)), by_ids=True)
    assert encode(decode(old, "seen")) == old


def test_a_newer_format_and_what_is_none_are_refused() -> None:
    with pytest.raises(WrongUsage, match="format 2, this trueup reads up to 1"):
        decode(msgspec.msgpack.encode({"format": 2, "new": 1}), "v3/seen")
    for wrong in (b"", b"{}", msgspec.msgpack.encode({"format": 1}), encode(Seen("x"))[:-1]):
        with pytest.raises(NotProven, match="v3/seen: not the seen rows"):
            decode(wrong, "v3/seen")


def test_rows_that_either_model_has_seen_are_joined_and_doubt_stays_doubt() -> None:
    one, other = np.array([True, False, False]), np.array([False, False, True])
    joined, known = seen_by_any([one, other])
    assert joined is not None
    assert joined.tolist() == [True, False, True]
    assert known
    joined, known = seen_by_any([one, None])
    assert joined is not None
    assert joined.tolist() == [True, False, False]
    assert not known
    assert seen_by_any([None]) == (None, False)
    assert one.tolist() == [True, False, False]


def test_a_million_ids_take_seconds_and_eight_bytes_each(tmp_path: Path) -> None:
    write(tmp_path, TRAIN, {"id": np.arange(1_000_000)})
    seen = seen_by(tmp_path, model(), plain())
    assert seen.rows == 1_000_000
    assert len(encode(seen)) < 8_001_000
    entry = model()
    found = rows_seen(seen, rows(entry, {"id": np.arange(999_000, 1_001_000)}))
    assert found is not None
    assert found.sum() == 1000
