"""Profiles beside captures: what counting the rows comes to, whoever wrote them, or none at all."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.captures import erasing, shipping
from trueup.captures.erasures import Order
from trueup.captures.finding import Span, segments_in
from trueup.captures.frames import frames_of
from trueup.captures.records import Captured, Role
from trueup.captures.segments import pieces_of
from trueup.errors import NotProven
from trueup.monitoring.profiles import served
from trueup.monitoring.profiles.grids import Grid
from trueup.monitoring.profiles.profile import Profile, encode_profile, pooled
from trueup.monitoring.profiles.served import Covered, Scheme, window_profile
from trueup.monitoring.scanning.blocking import BlockSize
from trueup.monitoring.scanning.passes import Asked
from trueup.monitoring.scanning.scan import ColumnsDiffer, scan_on, scan_reference
from trueup.monitoring.watching.counting import ALL, AT, ID, LIVE, Rows, fitting, table_of
from trueup.monitoring.watching.windows import Window, windows_of
from trueup.serving.profiling import Profiling
from trueup.store.memory import MemoryBucket

MODEL = "shop/sale"
DAY = timedelta(days=1)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
TEXTS = st.one_of(
    st.none(), st.sampled_from(["a", "b", ""]), st.text(max_size=90), st.just("ä" * 70)
)
ROWS = st.lists(
    st.tuples(st.one_of(st.none(), st.floats()), st.integers(-9, 9), TEXTS, st.booleans()),
    min_size=1,
    max_size=25,
)
REFERENCE = pl.DataFrame(
    {
        "near": np.linspace(-3.0, 3.0, 2000),
        "staff": np.arange(2000) % 7,
        "shop": [("a", "b", "c")[k % 3] for k in range(2000)],
        "open": [k % 2 == 0 for k in range(2000)],
        "note": [f"note {k} {'x' * (k % 40)}" for k in range(2000)],
        "output.score": np.linspace(0.0, 1.0, 2000),
    }
)
GRID = scan_reference(REFERENCE, Asked(predictions=("output.score",))).reference.grid


def batch(
    rows: Sequence[tuple[Any, ...]], at: datetime, role: Role = "champion", name: str = "r"
) -> Captured:
    """Return captured rows, a minute after each other."""
    return Captured(
        MODEL, 1, "d" * 64,
        [at + k * timedelta(minutes=1) for k in range(len(rows))],
        [f"{name}-{at:%d%H%M}-{k}" for k in range(len(rows))],
        {
            "near": [one[0] for one in rows],
            "staff": [one[1] for one in rows],
            "shop": [one[2] for one in rows],
            "open": [one[3] for one in rows],
            "note": [f"{one[2]}!" for one in rows],
        },
        {"score": np.linspace(0.0, 0.5, len(rows)).astype(np.float32)},
        role=role,
    )  # fmt: skip


def bring(
    bucket: MemoryBucket, batches: Sequence[Captured], source: str = "s", grid: Grid = GRID
) -> None:
    """Bring rows to the bucket as a server does, in one segment for each day of them."""
    beside = Profiling(bucket, lambda _: Scheme(grid, DAY.total_seconds()), pytest.fail)
    for piece in pieces_of(frames_of(batches), source):
        shipping.store(piece, bucket, beside)


def windows(bucket: MemoryBucket) -> dict[Window, list[Any]]:
    return windows_of(segments_in(bucket, "captures", MODEL), DAY.total_seconds())


def served_profile(
    bucket: MemoryBucket, window: Window, roles: Sequence[Role] = LIVE
) -> Profile | None:
    covered = Covered(MODEL, window, windows(bucket)[window], roles)
    return window_profile(bucket, GRID, covered)


def counted(bucket: MemoryBucket, window: Window, roles: tuple[Role, ...] = LIVE) -> bytes:
    """Return what counting the rows themselves comes to."""
    table = table_of(Rows(bucket, MODEL, 1, roles), Span(window.begin, window.end))
    blocks = BlockSize(AT, DAY.total_seconds())
    found = scan_on(GRID, fitting(table, GRID), Asked(blocks=blocks, id=ID))
    return encode_profile(pooled(found.profile))


@settings(deadline=None, max_examples=20)
@given(ROWS, ROWS)
def test_it_is_what_counting_the_rows_comes_to(
    one: list[tuple[Any, ...]], two: list[tuple[Any, ...]]
) -> None:
    bucket = MemoryBucket()
    bring(bucket, [batch(one, BEGIN), batch(two, BEGIN + DAY - timedelta(minutes=7))], "a")
    bring(bucket, [batch(two, BEGIN + timedelta(hours=3), "explore")], "b")
    for window in windows(bucket):
        profile = served_profile(bucket, window)
        assert profile is not None
        assert encode_profile(profile) == counted(bucket, window)


def usual(count: int = 20) -> list[tuple[Any, ...]]:
    return [(k / 7, k % 5, "abcz"[k % 4], k % 3 == 0) for k in range(count)]


def test_only_the_roles_that_are_asked_for_are_counted() -> None:
    bucket = MemoryBucket()
    bring(bucket, [batch(usual(), BEGIN), batch(usual(5), BEGIN, "shadow", "t")])
    (window,) = windows(bucket)
    rows = [served_profile(bucket, window, roles) for roles in (LIVE, ALL, ("challenger",))]
    assert [int(one.rows.sum()) for one in rows if one] == [20, 25, 0]
    live = rows[0]
    assert live is not None
    assert encode_profile(live) == counted(bucket, window)


def test_refused_rows_are_in_no_profile() -> None:
    bucket = MemoryBucket()
    refused = Captured(
        MODEL, 1, "d" * 64, BEGIN, ["x"], {"near": ["?"]}, {}, refused="near is no number"
    )
    bring(bucket, [batch(usual(), BEGIN), refused])
    (window,) = windows(bucket)
    profile = served_profile(bucket, window)
    assert profile is not None
    assert encode_profile(profile) == counted(bucket, window)
    assert int(profile.rows.sum()) == 20


def test_a_window_has_none_where_a_segment_has_none() -> None:
    bucket = MemoryBucket()
    bring(bucket, [batch(usual(), BEGIN)], "a")
    for piece in pieces_of(frames_of([batch(usual(), BEGIN, name="t")]), "b"):
        shipping.store(piece, bucket)
    (window,) = windows(bucket)
    assert served_profile(bucket, window) is None


def test_rows_that_are_not_what_the_grid_has_have_none() -> None:
    bucket = MemoryBucket()
    worded = [("near", k, "a", True) for k in range(3)]
    bring(bucket, [batch(worded, BEGIN)])
    (window,) = windows(bucket)
    assert served_profile(bucket, window) is None
    with pytest.raises(ColumnsDiffer, match="near"):
        counted(bucket, window)


def test_once_rows_are_erased_there_is_none_and_no_word_of_them() -> None:
    bucket = MemoryBucket()
    rows = [*usual(), (0.5, 1, "a word of a person", True)]
    bring(bucket, [batch(rows, BEGIN)])
    (window,) = windows(bucket)
    said = [bucket.get(one.key) for one in bucket.list("profiles/")]
    assert any(b"a word of a person" in one for one in said)
    order = Order("ada", BEGIN, "asked to")
    erasing.erase(bucket, MODEL, {"shop": "a word of a person"}, order)
    assert served_profile(bucket, window) is None
    there = segments_in(bucket, "captures", MODEL)
    assert served.forget(bucket, MODEL, there) == 1
    assert list(bucket.list("profiles/")) == []
    assert served.forget(bucket, MODEL, there) == 0


def test_what_is_erased_while_it_is_brought_is_in_no_profile() -> None:
    class Erased(MemoryBucket):
        """A bucket in which somebody erases a row as soon as it is there."""

        def create(self, key: str, body: bytes) -> bool:
            """Create, and erase."""
            done = super().create(key, body)
            if key.endswith(".arrow"):
                erasing.erase(self, MODEL, ["r-010000-3"], Order("ada", BEGIN, "asked to"))
            return done

    bucket = Erased()
    bring(bucket, [batch(usual(), BEGIN)])
    (window,) = windows(bucket)
    profile = served_profile(bucket, window)
    assert profile is not None
    assert int(profile.rows.sum()) == 19
    assert encode_profile(profile) == counted(bucket, window)
    assert len(list(bucket.list("profiles/"))) == 1


def test_only_profiles_of_segments_that_are_gone_are_forgotten() -> None:
    bucket = MemoryBucket()
    bring(bucket, [batch(usual(), BEGIN)], "a")
    other = f"profiles/{MODEL}/sub/g/{'w' * 8}/v1-a.0-7.msgpack"
    for key in (other, f"profiles/{MODEL}/g/w/v1-captures-{'1' * 32}.msgpack"):
        bucket.create(key, b"")
    there = segments_in(bucket, "captures", MODEL)
    assert served.forget(bucket, MODEL, there) == 0
    assert served.forget(bucket, MODEL, []) == 1
    assert len(list(bucket.list("profiles/"))) == 2


def test_a_bucket_that_fails_costs_the_profile_and_not_the_segment() -> None:
    class Full(MemoryBucket):
        """A bucket without room for profiles."""

        def put(self, key: str, body: bytes | Path, *, sync: bool = False) -> None:
            """Refuse."""
            raise OSError("no room")

    bucket, told = Full(), list[str]()
    beside = Profiling(bucket, lambda _: Scheme(GRID, DAY.total_seconds()), told.append)
    for source in ("a", "b"):
        for piece in pieces_of(frames_of([batch(usual(), BEGIN, name=source)]), source):
            assert shipping.store(piece, bucket, beside) == 20
    assert len(told) == 1
    assert "no room" in told[0]


def test_one_that_is_damaged_or_newer_is_as_good_as_none() -> None:
    with pytest.raises(NotProven, match="cannot be read"):
        served.decode_part(b"\xc1")
    bucket = MemoryBucket()
    bring(bucket, [batch(usual(), BEGIN)])
    (window,) = windows(bucket)
    (entry,) = bucket.list("profiles/")
    bucket.put(entry.key, b"\xc1")
    assert served_profile(bucket, window) is None


def test_numpy_is_all_that_it_takes() -> None:
    program = """
import sys
from tests.monitoring.profiles.light import written
written()
heavy = {"polars", "pyarrow", "scipy", "pandas", "sklearn", "obstore"} & set(sys.modules)
print(sorted(heavy))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def reference(width: timedelta = DAY) -> Any:
    """Return a reference of ten days whose blocks are so long."""
    times = [BEGIN - 10 * DAY + k * DAY / 200 for k in range(2000)]
    blocks = BlockSize(AT, width.total_seconds())
    return scan_on(GRID, REFERENCE.with_columns(pl.Series(AT, times)), Asked(blocks=blocks))


def test_a_window_counted_before_is_what_counting_it_again_makes() -> None:
    bucket = MemoryBucket()
    bring(bucket, [batch(usual(), BEGIN + timedelta(hours=5))])
    (window,) = windows(bucket)
    covered = Covered(MODEL, window, windows(bucket)[window], LIVE)
    found = served.counted_before(bucket, reference(), covered, 20)
    assert found is not None
    table = table_of(Rows(bucket, MODEL, 1), Span(window.begin, window.end))
    asked = Asked(blocks=BlockSize(AT, DAY.total_seconds()), id=ID)
    again = scan_on(GRID, fitting(table, GRID), asked)
    assert encode_profile(found.profile) == encode_profile(again.profile)
    assert found.begins.tolist() == again.begins.tolist()
    assert (found.width, found.is_timed) == (again.width, again.is_timed)
    assert served.counted_before(bucket, reference(), covered, 19) is None
    assert served.counted_before(bucket, reference(timedelta(hours=6)), covered, 20) is None
