"""Windows of capture time, and which segments may have rows of them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trueup.captures.layout import Segment
from trueup.monitoring.watching.windows import Window, mark_of, window_at, windows_of

moments = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
widths = st.sampled_from([60.0, 900.0, 3600.0, 86_400.0, 7 * 86_400.0])


def segment(first: datetime, last: datetime, name: str = "a") -> Segment:
    ends = (int(first.timestamp() * 1000), int(last.timestamp() * 1000))
    return Segment(*ends, 1, "d", "s", name, key=f"{ends}-{name}")


@given(moments, widths)
def test_each_moment_lies_in_one_window_and_windows_touch(moment: datetime, width: float) -> None:
    window = window_at(moment, width)
    assert window.begin <= moment < window.end
    assert window_at(window.end, width).begin == window.end
    assert window_at(window.begin, width) == window


@given(moments, st.floats(0, 5), widths)
def test_a_segment_is_in_every_window_that_it_may_have_rows_of(
    first: datetime, wide: float, width: float
) -> None:
    last = first + timedelta(seconds=wide * width)
    found = windows_of([segment(first, last)], width)
    whole = first.replace(microsecond=first.microsecond // 1000 * 1000)
    assert list(found) == sorted(found)
    assert next(iter(found)).begin <= whole
    assert list(found)[-1].end > last - timedelta(milliseconds=1)
    for one, two in zip(found, list(found)[1:], strict=False):
        assert one.end == two.begin


def test_a_window_closes_when_late_captures_have_had_their_time() -> None:
    window = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    assert window.closes(3600.0) == datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_windows_of_other_lengths_have_other_keys_and_names() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    found = [window_at(moment, width) for width in (86_400.0, 3_600.0, 0.5)]
    assert [one.name for one in found] == ["2026-03-01", "2026-03-01T00:00", "2026-03-01T00:00:00"]
    assert len({one.key for one in found}) == 3


def test_a_mark_tells_sets_of_segments_apart_whatever_their_order() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    one, two = segment(moment, moment), segment(moment, moment, "b")
    assert mark_of([one, two]) == mark_of([two, one])
    assert len({mark_of([]), mark_of([one]), mark_of([one, two])}) == 3
