"""Durations, sizes, rates and the like mean what people write."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.config import units
from trueup.config.units import Form, Freeze, Hits, Rate


@pytest.mark.parametrize(
    ("form", "text", "meaning"),
    [
        (units.DURATION, "90s", 90.0),
        (units.DURATION, "1h30m", 5400.0),
        (units.DURATION, "250ms", 0.25),
        (units.DURATION, "2w", 1_209_600.0),
        (units.SIZE, "8G", 8_000_000_000),
        (units.SIZE, "8Gi", 8 * 2**30),
        (units.SIZE, "512", 512),
        (units.RATE, "4 per 90d", Rate(4.0, 90 * 86400.0)),
        (units.HITS, "2 of 3", Hits(2, 3)),
        (units.PERCENT, "1%", 0.01),
        (units.FREEZE, "12-20..01-02", Freeze("12-20", "01-02")),
        (units.FREEZE, "2026-12-20..2027-01-02", Freeze("2026-12-20", "2027-01-02")),
        (units.SCHEDULE, "17 4 * * 1", "17 4 * * 1"),
        (units.SCHEDULE, "*/5 0-12 1,15 JAN-MAR mon", "*/5 0-12 1,15 JAN-MAR mon"),
    ],
)
def test_what_is_written_is_what_is_meant(form: Form, text: str, meaning: Any) -> None:
    assert form.read(text) == meaning


@pytest.mark.parametrize(
    ("form", "text"),
    [
        *((units.DURATION, text) for text in ("", "1", "1 h", "-1s", "1y", "h", "1.h")),
        *((units.SIZE, text) for text in ("", "8 G", "G", "-1", "8GG", "1.2.3G")),
        *((units.RATE, text) for text in ("4", "4 per", "0 per 1d", "4 per 0s", "x per 1d")),
        *((units.HITS, text) for text in ("3 of 2", "0 of 3", "2/3", "2 of")),
        *((units.PERCENT, text) for text in ("1", "101%", "-1%", "%")),
        *((units.FREEZE, text) for text in ("12-20", "13-01..01-02", "2026-12-20..01-02")),
        (units.FREEZE, "2027-01-02..2026-12-20"),
        *((units.SCHEDULE, text) for text in ("* * * *", "61 * * * *", "0 24 * * *", "", "@daily")),
    ],
)
def test_what_means_nothing_is_refused(form: Form, text: str) -> None:
    with pytest.raises(ValueError):
        form.read(text)


@given(st.integers(0, 10**6), st.sampled_from(["s", "m", "h", "d", "w"]))
def test_durations_add_up(number: int, unit: str) -> None:
    one = units.duration_s(f"1{unit}")
    assert units.duration_s(f"{number}{unit}1{unit}") == (number + 1) * one
