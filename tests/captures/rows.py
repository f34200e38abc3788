"""Batches for tests: small, and each row different from every other."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from trueup.captures import ids, shipping
from trueup.captures.records import Batch, Captured, Labelled, Limits, Role, Rules
from trueup.captures.spool import Spool
from trueup.store.bucket import Bucket

MODEL = "flights/late"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUICK = Limits(write_s=0.01, sync_s=0.02, queue_rows=100_000)


def captured(
    names: Sequence[str] | int = 1,
    *,
    version: int = 1,
    at: datetime = NOON,
    role: Role = "champion",
    model: str = MODEL,
) -> Captured:
    """Return a batch with these ids, or with so many new ones."""
    named = ids.new_ids(names) if isinstance(names, int) else list(names)
    rows = len(named)
    return Captured(
        model,
        version,
        "d" * 64,
        at,
        named,
        {
            "carrier": ["UA", "DL", None][:rows] + ["AA"] * (rows - 3),
            "delay": np.arange(rows, dtype=np.float64),
            "tailnum": [f"N{k % 7}" for k in range(rows)],
        },
        {"prediction": np.ones(rows, np.int64), "score": np.full(rows, 0.5, np.float32)},
        latency_s=0.001,
        role=role,
    )


def labelled(names: Sequence[str], value: object, *, after_s: float = 60.0) -> Labelled:
    """Return the same label for these ids."""
    return Labelled(MODEL, list(names), [value] * len(names), NOON + timedelta(seconds=after_s))


def bring(
    batches: Sequence[Batch], bucket: Bucket, folder: Path, rules: Rules | None = None
) -> None:
    """Send batches the whole way: through a spool of their own to the bucket."""
    spool = Spool(folder, QUICK, rules={MODEL: rules} if rules else None)
    for one in batches:
        assert spool.offer(one)
    assert spool.close()
    shipping.ship(folder, bucket)
