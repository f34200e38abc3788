"""Numbers that metrics files hold of a model, for rules that ask for them: never another's."""

import math
from collections.abc import Mapping

import msgspec

from trueup.config.model_entries import MetricCall
from trueup.delivery.measuring_files import measured_in
from trueup.delivery.subject import Candidate, Subject, is_here
from trueup.delivery.training import holds
from trueup.gate.names import is_metric
from trueup.gate.verdict import Verdict
from trueup.pipeline.inputs import Locked
from trueup.pipeline.lock import read_lock

PART = "points"  # what is kept with a version


def points_of(subject: Subject, candidate: Candidate) -> dict[str, float]:
    """Return the number of each point that rules ask for; NaN where nobody has measured it.

    Of the model that is here, by the metrics files; of another version, as it was registered.
    """
    asked = _asked(subject)
    if not asked:
        return {}
    found = points_here(subject) if is_here(subject, candidate) else _kept(subject, candidate)
    return {name: found.get(name, math.nan) for name in asked}


def points_here(subject: Subject) -> dict[str, float]:
    """Return the points that rules ask for, as the files say that are of this checkout's model.

    A file whose stage has not run since the model was made is of an earlier one, and says nothing.
    """
    asked = _asked(subject)
    if not asked:
        return {}
    locked = read_lock(subject.root).stages
    files = {
        file: values
        for file, values in subject.metrics().items()
        if _is_of_now(subject, locked, file)
    }
    measured = measured_in(files, subject.entry.task or "")
    return {name: measured[name] for name in asked if name in measured}


def agrees(verdict: Verdict, points: Mapping[str, float]) -> bool:
    """Say whether a verdict was given on just these points: no digest that is judged names them."""
    return all(
        finding.candidate
        == (None if math.isnan(points[finding.metric]) else points[finding.metric])
        for finding in verdict.findings
        if finding.metric in points
    )


def _asked(subject: Subject) -> list[str]:
    """Return the metrics in the rules that no rows give."""
    rules = (*subject.entry.gate.rules, *subject.rules_of_environment)
    names = (rule.metric for rule in rules)
    task = subject.entry.task or ""
    return [
        name for name in names if not isinstance(name, MetricCall) and not is_metric(name, task)
    ]


def _kept(subject: Subject, candidate: Candidate) -> dict[str, float]:
    part = candidate.version.parts.get(PART) if candidate.version else None
    if part is None:
        return {}
    return msgspec.json.decode(subject.results.read(part), type=dict[str, float])


def _is_of_now(subject: Subject, locked: Mapping[str, Locked], file: str) -> bool:
    """Say whether every stage that led to a file has read what the others make now.

    WrongUsage for a file that was edited since. What no stage makes is as current as its author.
    """
    maker = subject.graph.producer(file)
    if maker is None:
        return True
    stages = subject.graph.ancestors({maker})
    if not stages <= locked.keys():
        return False
    made = {out: one.digest for stage in locked.values() for out, one in stage.outs.items()}
    for name in stages:
        for dep, digest in locked[name].inputs.deps.items():
            if dep not in made and any(holds(dep, out) or holds(out, dep) for out in made):
                now = subject.digest(dep)  # a folder around it, or a file of it
            else:
                now = made.get(dep, digest)
            if now != digest:
                return False
    subject.digest(file)
    return True
