"""A segment with its profile, written with nothing but what a server has."""

from datetime import UTC, datetime

import numpy as np

from trueup.captures import shipping
from trueup.captures.frames import frames_of
from trueup.captures.records import Captured
from trueup.captures.segments import pieces_of
from trueup.monitoring.profiles.grids import Grid, NumberTrack, WordTrack
from trueup.monitoring.profiles.served import Scheme
from trueup.serving.profiling import Profiling
from trueup.store.memory import MemoryBucket

EDGES = np.array([0.0, 1.0, 2.0]).astype("<f8").tobytes()
GRID = Grid(
    (
        NumberTrack("x", "value", "number", EDGES, 1.0, -24),
        WordTrack("w", "word", "text", ("a", "b")),
    )
)


def written() -> None:
    """Bring rows to a bucket in memory, with their profile."""
    bucket, told = MemoryBucket(), list[str]()
    at = datetime(2026, 3, 1, tzinfo=UTC)
    rows = Captured("m", 1, "d", at, ["1", "2"], {"x": [0.5, None], "w": ["a", "z"]}, {})
    beside = Profiling(bucket, lambda _: Scheme(GRID, 3600.0), told.append)
    for piece in pieces_of(frames_of([rows]), "s"):
        shipping.store(piece, bucket, beside)
    if told or not list(bucket.list("profiles/")):
        raise AssertionError(told)
