"""What the server counts about itself; plain numbers, so that a request pays next to nothing."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable

from trueup.serving.routing import Disagreement
from trueup.serving.rows import Rows

LATENCY_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCH_REQUESTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


class Histogram:
    """How often a value lay below each bound."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds, self.counts, self.total = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Counts:
    """Everything counted since the start; changed on the event loop alone, so without a lock."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()  # route, status
        self.rows: Counter[str] = Counter()  # model
        self.flags: Counter[tuple[str, str, str]] = Counter()  # model, column, kind
        self.labels: Counter[tuple[str, str]] = Counter()  # model, kept or dropped
        self.refusals: Counter[str] = Counter()  # why
        self.swaps: Counter[tuple[str, str]] = Counter()  # model, swapped or refused
        self.latency: dict[str, Histogram] = {}
        self.model_time: dict[str, Histogram] = {}
        self.batches = Histogram(BATCH_REQUESTS)
        self.on_answer: Callable[[str, Rows], None] | None = None  # who else is to know
        self.roles: Counter[tuple[str, str]] = Counter()  # model, role: rows
        self.role_time: dict[tuple[str, str], Histogram] = {}
        self.fallbacks: Counter[tuple[str, str]] = Counter()  # model, why: requests
        self.shadows: Counter[tuple[str, str]] = Counter()  # model, what became of rows
        self.mixed: Counter[str] = Counter()  # model: requests of keys of both versions
        self.decided: Counter[str] = Counter()  # model: rows with two decisions
        self.differing: Counter[str] = Counter()  # model: rows with two different ones
        self.scored: Counter[str] = Counter()  # model: rows with two scores
        self.difference: dict[str, float] = {}  # model: how far these lie apart, summed

    def request(self, route: str, status: int, spent_s: float) -> None:
        """Count an answered request."""
        self.requests[route, status] += 1
        if route not in self.latency:
            self.latency[route] = Histogram(LATENCY_S)
        self.latency[route].add(spent_s)

    def answered(self, model: str, rows: Rows, spent_s: float) -> None:
        """Count rows that a version has answered."""
        self.rows[model] += rows.count
        if self.on_answer is not None:
            self.on_answer(model, rows)
        if model not in self.model_time:
            self.model_time[model] = Histogram(LATENCY_S)
        self.model_time[model].add(spent_s)
        for flag in rows.flags:
            self.flags[model, flag.column, flag.kind] += len(flag.rows)

    def in_role(self, model: str, role: str, rows: int, spent_s: float) -> None:
        """Count rows by why a version has predicted them."""
        self.roles[model, role] += rows
        if (model, role) not in self.role_time:
            self.role_time[model, role] = Histogram(LATENCY_S)
        self.role_time[model, role].add(spent_s)

    def compared(self, model: str, found: Disagreement) -> None:
        """Count rows that two versions have predicted by how these differ."""
        self.decided[model] += found.decided
        self.differing[model] += found.differing
        self.scored[model] += found.scored
        self.difference[model] = self.difference.get(model, 0.0) + found.difference

    def labelled(self, model: str, count: int, *, kept: bool) -> None:
        """Count labels."""
        self.labels[model, "kept" if kept else "dropped"] += count

    def batch(self, requests: int) -> None:
        """Count a batch by its requests."""
        self.batches.add(requests)

    def refused(self, why: str) -> None:
        """Count a request that was not answered."""
        self.refusals[why] += 1

    def swapped(self, model: str, how: str) -> None:
        """Count a version that took another's place, or was not let to."""
        self.swaps[model, how] += 1
