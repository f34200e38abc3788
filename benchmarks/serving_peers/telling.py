"""What was measured as Markdown: a table a model, then each goal with what was reached."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from benchmarks.serving_peers.asking import Load

LOADS = (Load(1, 1), Load(1, 64), Load(100, 64))
_OURS, _BARE, _EMPTY = "trueup", "granian by hand", "granian, no model"
_UNCAPTURED = "trueup, nothing captured"
_HEAVY = ("MLflow", "MLServer", "BentoML")
_SAYS = {"logistic": "logistic regression", "lightgbm": "LightGBM", "forest": "random forest",
         "boosting": "HistGradientBoosting"}  # fmt: skip


class Asking(msgspec.Struct, frozen=True):
    """How one server answered one load."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float  # a request, of all its processes: what a busy machine does not blur


class Result(msgspec.Struct, frozen=True):
    """How one server served one model."""

    name: str
    kind: str
    workers: tuple[int, ...]
    told: Mapping[Load, Asking]
    memory_mb: float
    first_s: float


class Goal(msgspec.Struct, frozen=True):
    """What should be reached, and what was."""

    says: str
    wanted: float
    found: float
    most: bool = False  # the goal is a most, not a least

    def line(self) -> str:
        """Return it as a row of a table."""
        reached = self.found <= self.wanted if self.most else self.found >= self.wanted
        bound = "≤" if self.most else "≥"
        answer = "yes" if reached else "**no**"
        return f"| {self.says} | {bound} {self.wanted:g} | {self.found:.2f} | {answer} |"


def best(taken: Sequence[Result]) -> Result:
    """Return for each load the better of one and two workers; memory and start are of the first."""
    told = {load: max((one.told[load] for one in taken), key=lambda one: one.per_s)
            for load in taken[0].told}  # fmt: skip
    workers = tuple(
        max(taken, key=lambda one: one.told[load].per_s).workers[0] for load in taken[0].told
    )
    first = taken[0]
    return Result(first.name, first.kind, workers, told, first.memory_mb, first.first_s)


def table(kind: str, found: Sequence[Result], weights: Mapping[str, float]) -> str:
    """Return one model's table."""
    heads = [f"{load}: answers/s, p50, p99 ms" for load in LOADS]
    head = f"| {_SAYS.get(kind, kind)} | {' | '.join(heads)} | workers | memory MB"
    lines = [f"{head} | first answer s | environment MB |", "|---" * (len(LOADS) + 5) + "|"]
    for one in found:
        cells = [one.name]
        for load in LOADS:
            said = one.told[load]
            cells.append(f"{said.per_s:,.0f}, {said.p50_ms:.2f}, {said.p99_ms:.1f}")
        cells += ["/".join(map(str, one.workers)), f"{one.memory_mb:.0f}", f"{one.first_s:.2f}"]
        lines.append(f"| {' | '.join(cells)} | {weights[one.name]:.0f} |")
    return "\n".join(lines)


def goals(found: Sequence[Result], weights: Mapping[str, float]) -> str:
    """Return each goal that can be judged by what was measured, with the worst that was reached."""
    by_name = {(one.name, one.kind): one for one in found}
    kinds = list(dict.fromkeys(one.kind for one in found))
    made: list[Goal] = []
    for kind in kinds:
        ours = by_name.get((_OURS, kind))
        if ours is None:
            continue
        for name in dict.fromkeys(one.name for one in found if one.name != _OURS):
            made += _beside(ours, by_name[name, kind])
    if (_OURS in weights) and ("MLflow" in weights):
        says = "environment: MLflow's / trueup's"
        made.append(Goal(says, 4.0, weights["MLflow"] / weights[_OURS]))
    lines = [one.line() for one in made]
    return "\n".join(["| goal | wanted | found | reached |", "|---|---|---|---|", *lines])


def _beside(ours: Result, other: Result) -> list[Goal]:
    kind, name = _SAYS.get(ours.kind, ours.kind), other.name
    many = _least(ours, other, lambda one: one.per_s)
    tail = _least(other, ours, lambda one: one.p99_ms)
    rate = f"{kind}: answers/s, trueup / {name}, the worst load"
    slow = f"{kind}: p99, {name} / trueup, the worst load"
    if name == _BARE:
        return [
            Goal(f"{kind}: answers/s, {name} / trueup, {load} (binding)", 1.5,
                 other.told[load].per_s / ours.told[load].per_s, most=True)
            for load in LOADS
        ]  # fmt: skip
    if name == _EMPTY:
        later = ours.first_s - other.first_s
        return [Goal(f"{kind}: first answer later than {name}, s", 0.7, later, most=True)]
    if name == _UNCAPTURED:
        return [_cost_of_capture(kind, ours, other, load) for load in LOADS]
    if name in _HEAVY:
        wanted = 50.0 if name == "MLflow" and ours.kind == "forest" else 12.0
        return [Goal(rate, wanted, many), Goal(slow, 10.0, tail)]
    if name == "LitServe":
        return [Goal(rate, 8.0, many), Goal(slow, 10.0, tail)]
    if name == "FastAPI":
        return [Goal(rate, 1.5, many), Goal(slow, 2.0, tail)]
    return []


def _cost_of_capture(kind: str, ours: Result, without: Result, load: Load) -> Goal:
    cost = (ours.told[load].cpu_us / without.told[load].cpu_us - 1) * 100
    wanted = 10.0 if load.rows == 1 else float("inf")
    return Goal(f"{kind}: processor time of capture, {load}, %", wanted, cost, most=True)


def _least(one: Result, other: Result, of: Callable[[Asking], float]) -> float:
    return min(of(one.told[load]) / of(other.told[load]) for load in LOADS)
