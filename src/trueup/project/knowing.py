"""What the project knows of rows before a retrain: the live version, its windows, the last one."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trueup.captures.finding import Span
from trueup.errors import TrueupError
from trueup.loop.events import Decided
from trueup.loop.guard.records import Before, decode_guarded
from trueup.loop.guard.rows import BrokenWindow
from trueup.loop.journal import Journal
from trueup.models.signature import Signature, decode_signature
from trueup.monitoring.skew import ColumnSkew, Skew, SkewLimits
from trueup.monitoring.watching.events import Checked
from trueup.project.registering import registry_of
from trueup.project.workspace import Workspace
from trueup.registry.evidence import verdict_of
from trueup.registry.verdicts import read_verdict
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    from trueup.gate.verdict import Verdict


def signature_of(workspace: Workspace, model: str, number: int) -> Signature | None:
    """Return what a version takes; None where it was registered without."""
    part = registry_of(workspace).so_far(model).version(number).parts.get("signature")
    return None if part is None else decode_signature(workspace.results.read(part))


def usual_error_of(workspace: Workspace, model: str, number: int) -> float | None:
    """Return the share of wrong answers when a version was judged last.

    None where no rule asks for its accuracy, or its verdict cannot be read any more.
    """
    for evidence in reversed(registry_of(workspace).so_far(model).verdicts(number)):
        try:
            body = read_verdict(workspace.bucket, evidence.scope, evidence.verdict)
        except TrueupError:
            continue
        found = _accuracy(verdict_of(body, evidence.verdict))
        if found is not None:
            return 1 - found
    return None


def last_training(bucket: Bucket, decided: Decided) -> Before | None:
    """Return what the last retrain before this decision was trained on, as its guard saw it."""
    for course in Journal(bucket, decided.model).history().retrains():
        trained = course.done("train")
        is_other = course.decided.decision != decided.decision
        if is_other and trained and trained.state == "done" and course.guarded:
            key = course.guarded.record
            return decode_guarded(bucket.get(key), key).learnt if key else None
    return None


def without_skew(windows: Iterable[BrokenWindow]) -> tuple[BrokenWindow, ...]:
    """Return what is broken of windows but skew, which the guard tells of for itself."""
    bare = (
        BrokenWindow(one.window, tuple(part for part in one.parts if part.check != "skew"))
        for one in windows
    )
    return tuple(one for one in bare if one.parts)


def served_otherwise(checks: Iterable[Checked], span: Span) -> Skew | None:
    """Return what monitoring compared in the windows of a span; None where it compared nothing.

    A column is skewed if it was so in one window, by the limits that counted there.
    """
    rows = 0
    different: dict[str, int] = {}
    skewed: set[str] = set()
    for one in checks:
        before = span.since is not None and one.window.end <= span.since
        after = span.until is not None and one.window.begin >= span.until
        if before or after or one.skew is None or one.skew.why:
            continue
        rows += one.skew.rows
        for name, count in one.skew.different.items():
            different[name] = different.get(name, 0) + count
        skewed |= {part.column for part in one.broken if part.check == "skew"}
    if not rows:
        return None
    columns = tuple(
        ColumnSkew(name, rows, rows - count, 0, count, 0, 0, None, name in skewed)
        for name, count in sorted(different.items(), key=lambda one: (-one[1], one[0]))
    )
    return Skew(columns, rows, 0, 0, (), 0, (), None, SkewLimits())


def _accuracy(verdict: "Verdict") -> float | None:
    found = (
        one.candidate for one in verdict.findings if one.metric == "accuracy" and not one.slice
    )
    return next((one for one in found if one is not None), None)
