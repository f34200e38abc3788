"""GET /metrics: what the server has counted, as Prometheus reads it."""

import platform
import time
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from trueup.serving.counting import Histogram
from trueup.serving.http.messages import PROMETHEUS, Reply, Request, text_reply
from trueup.serving.plane import Plane

Labels = Mapping[str, object]

_STARTED_S = time.time()
_WHYS = ("busy", "fields", "late", "share")
_FALLBACKS = ("busy", "failed", "late", "refused", "resting")
_MIXED = "Requests with rows both in and out of the challenger's share; the live one answers."
_DECIDED = "Rows of which champion and challenger have each made a decision."
_SCORED = "Rows to which champion and challenger have each given a score or a number."
_APART = "How far these scores or numbers lie apart, without sign, summed over rows."


class Text:
    """Lines of the exposition format: each name is described once, its samples stand together."""

    def __init__(self) -> None:
        self._families: dict[str, list[str]] = {}

    def add(self, name: str, kind: str, says: str, value: float, labels: Labels) -> None:
        """Write one sample."""
        self._family(name, kind, says).append(f"{name}{_labels(labels)} {_number(value)}")

    def histogram(self, name: str, says: str, found: Histogram, labels: Labels) -> None:
        """Write a histogram; its buckets count everything up to their bound."""
        lines = self._family(name, "histogram", says)
        below = 0
        for bound, count in zip((*found.bounds, float("inf")), found.counts, strict=True):
            below += count
            at = "+Inf" if bound == float("inf") else f"{bound:g}"
            lines.append(f"{name}_bucket{_labels({**labels, 'le': at})} {below}")
        lines.append(f"{name}_sum{_labels(labels)} {_number(found.total)}")
        lines.append(f"{name}_count{_labels(labels)} {below}")

    def body(self) -> str:
        """Return everything."""
        return "".join(f"{line}\n" for lines in self._families.values() for line in lines)

    def _family(self, name: str, kind: str, says: str) -> list[str]:
        if name not in self._families:
            self._families[name] = [f"# HELP {name} {says}", f"# TYPE {name} {kind}"]
        return self._families[name]


async def metrics(plane: Plane, request: Request) -> Reply:
    """Show every counter of this process."""
    return text_reply(exposition(plane), PROMETHEUS)


def exposition(plane: Plane) -> str:
    """Return every counter of a plane as text."""
    text, counts = Text(), plane.counts
    labels = {"version": plane.release, "python": platform.python_version()}
    text.add("trueup_build_info", "gauge", "What answers.", 1, labels)
    for (route, status), count in sorted(counts.requests.items()):
        says = "Requests by route and status."
        text.add(
            "trueup_requests_total", "counter", says, count, {"route": route, "status": status}
        )
    for route, found in sorted(counts.latency.items()):
        says = "Time from the request's head to its answer."
        text.histogram("trueup_request_duration_seconds", says, found, {"route": route})
    text.add("trueup_requests_in_flight", "gauge", "Requests under way.", plane.open, {})
    says = "Requests answered by one call of a model."
    text.histogram("trueup_batch_requests", says, counts.batches, {})
    _models(text, plane)
    says = "Requests not answered because of a bound of the server, or of what they ask."
    _totals(text, "trueup_requests_refused_total", says, ("why",), _from_0(counts.refusals, _WHYS))
    _captures(text, plane.captures)
    says = "Unix time at which the process started."
    text.add("process_start_time_seconds", "gauge", says, round(_STARTED_S, 3), {})
    return text.body()


def _models(text: Text, plane: Plane) -> None:
    counts, names = plane.counts, tuple(plane.lines)
    for line in plane.lines.values():
        named = line.live.named
        labels = {"model": line.name, "version": named.version, "digest": named.digest[:16]}
        text.add("trueup_model_info", "gauge", "The version that is live.", 1, labels)
    for line in plane.lines.values():
        says = "Whether the newest version of the alias was refused and an older one answers."
        trouble = 1.0 if line.trouble else 0.0
        text.add("trueup_model_behind", "gauge", says, trouble, {"model": line.name})
    _trials(text, plane)
    for model, found in sorted(counts.model_time.items()):
        says = "Time that rows waited for and spent in the model."
        text.histogram("trueup_model_duration_seconds", says, found, {"model": model})
    _totals(text, "trueup_rows_total", "Rows answered.", ("model",), _from_0(counts.rows, names))
    says = "Values that were unusual: null, unseen or out of range."
    labels_of = ("model", "column", "kind")
    _totals(text, "trueup_flagged_values_total", says, labels_of, counts.flags)
    says, results = "Labels received.", ("model", "result")
    labels_0 = _from_0(counts.labels, product(names, ("kept", "dropped")))
    _totals(text, "trueup_labels_total", says, results, labels_0)
    says = "Versions that took another's place, or were not let to."
    swaps = _from_0(counts.swaps, product(names, ("swapped", "refused")))
    _totals(text, "trueup_swaps_total", says, results, swaps)


def _trials(text: Text, plane: Plane) -> None:
    """Show challengers, and how their answers differ, where a line may have one."""
    trials = {line.name: line.trial for line in plane.lines.values() if line.trial is not None}
    if not trials:
        return
    for name, trial in trials.items():
        if trial.challenger is not None:
            named = trial.challenger.named
            labels = {"model": name, "version": named.version, "digest": named.digest[:16]}
            text.add("trueup_challenger_info", "gauge", "The version on trial.", 1, labels)
    for name, trial in trials.items():
        says = "Whether the version of the alias challenger could not be put on trial."
        trouble = 1.0 if trial.trouble else 0.0
        text.add("trueup_challenger_behind", "gauge", says, trouble, {"model": name})
    counts, of_model = plane.counts, ("model",)
    says = "Rows by why a version has predicted them."
    _totals(text, "trueup_role_rows_total", says, ("model", "role"), counts.roles)
    for (model, role), found in sorted(counts.role_time.items()):
        says = "Time that rows waited for and spent in a version, by why it has predicted them."
        text.histogram("trueup_role_duration_seconds", says, found, {"model": model, "role": role})
    says = "Rows that were to be predicted in shadow: compared, dropped for want of time, failed."
    shadows = _from_0(counts.shadows, product(trials, ("compared", "dropped", "failed")))
    _totals(text, "trueup_shadow_rows_total", says, ("model", "result"), shadows)
    says = "Requests of the challenger that the live version has answered instead."
    fallbacks = _from_0(counts.fallbacks, product(trials, _FALLBACKS))
    _totals(text, "trueup_challenger_fallbacks_total", says, ("model", "why"), fallbacks)
    for what, counted, says in (
        ("mixed_requests", counts.mixed, _MIXED),
        ("decisions", counts.decided, _DECIDED),
        ("disagreements", counts.differing, "Those of them in which the decisions differ."),
        ("scores", counts.scored, _SCORED),
        ("score_difference", counts.difference, _APART),
    ):
        _totals(text, f"trueup_challenger_{what}_total", says, of_model, _from_0(counted, trials))


def _from_0(counted: Mapping[Any, float], known: Iterable[Any]) -> dict[Any, float]:
    """Return counts of which those that can be named beforehand begin with 0.

    Whoever asks for the rate of what has never been would else not see the first of it.
    """
    return {**dict.fromkeys(known, 0), **counted}


def _totals(
    text: Text, name: str, says: str, labels: tuple[str, ...], counted: Mapping[Any, float]
) -> None:
    for key, count in sorted(counted.items()):
        values = key if isinstance(key, tuple) else (key,)
        text.add(name, "counter", says, count, dict(zip(labels, values, strict=True)))


def _captures(text: Text, captures: Any) -> None:
    """Show what became of captured rows, where a spool keeps count."""
    if not hasattr(captures, "counts"):
        return
    found = captures.counts()
    for what in ("kept", "dropped", "left_out", "refusals_left_out", "unreadable"):
        says = (
            "Captured rows: written; lost for want of room; left out by sampling; of refused"
            " requests beyond what is kept of these; not to be written as they were."
        )
        value = getattr(found, what)
        text.add("trueup_captured_rows_total", "counter", says, value, {"result": what})
    says = "Age of the oldest captured row that is not in the bucket."
    text.add("trueup_capture_lag_seconds", "gauge", says, found.lag_s, {})
    says = "Captured rows in closed segments that are not in the bucket."
    text.add("trueup_capture_spilled_rows", "gauge", says, found.spilled, {})


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(str(one))}"' for name, one in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
