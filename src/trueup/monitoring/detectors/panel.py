"""All detectors that a model names, on one share of the promise: calibrated together, then watched.

Scores of a reference's windows are had as those of windows to come will be: a batch detector
compares each with the windows apart from it, a stream goes through them in order, after a fifth
that it warms up on. All scores of all detectors share one threshold, that of their maximum. What
cannot be calibrated is marked "uncalibrated", with the reason, and never alarms by itself.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np

from trueup.errors import NotProven, TrueupError, WrongUsage
from trueup.monitoring.calibration.calibrating import LEAST_WINDOWS
from trueup.monitoring.calibration.foreign import ScoreThreshold, calibrate_scores
from trueup.monitoring.calibration.incidents import alarms
from trueup.monitoring.calibration.records import Plan
from trueup.monitoring.detectors.e_detector import PromiseUnsupported
from trueup.monitoring.detectors.findings import Finding, Standing
from trueup.monitoring.detectors.port import Artefact, Detector, Kind, Look
from trueup.monitoring.detectors.tables import MOST_REFERENCE_ROWS, MOST_ROWS, cut

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHARE = 0.2  # of the promise for drift, where detectors are named
Say: TypeAlias = Callable[[str], None]
_WARMING = 5  # one window of so many
_KEPT_FIRINGS = 20
_LEAST_ROWS = 50  # of a window, in a reference
_UNIT = (
    100.0  # of scores: what never moved in the reference is studentised by 1, and any move counts
)


class Member(msgspec.Struct, frozen=True):
    """One detector: its state before the next window, and what it may claim."""

    name: str
    kind: Kind
    standing: Standing
    state: bytes = b""
    scores: tuple[str, ...] = ()  # their names
    says: str = ""


class Panel(msgspec.Struct, frozen=True):
    """The detectors of one reference, between two windows. Stored after each window."""

    plan: Plan  # its share
    members: tuple[Member, ...]
    threshold: ScoreThreshold | None = None  # of the maximum over all scores
    significant: tuple[bool, ...] = ()  # of the last windows
    alarmed: tuple[bool, ...] = ()
    rows: int = 0  # of a window, usual in the reference; 0: it has too few windows to say
    columns: tuple[str, ...] = ()  # of its windows
    format: int = 1

    @property
    def claimed(self) -> bool:
        """Say whether the threshold keeps the promise."""
        return self.threshold is not None and self.threshold.support.claimed

    def with_states(self, states: Sequence[bytes]) -> "Panel":
        """Return it with other states, one for each member."""
        pairs = zip(self.members, states, strict=True)
        members = tuple(msgspec.structs.replace(one, state=state) for one, state in pairs)
        return msgspec.structs.replace(self, members=members)


class Watched(msgspec.Struct, frozen=True):
    """What a window came to, and the panel for the next one."""

    panel: Panel
    findings: tuple[Finding, ...]
    alarmed: bool
    incident: bool  # the first alarm after a quiet time
    artefacts: tuple[Artefact, ...] = ()


def plan_of(plan: Plan, share: float = SHARE) -> tuple[Plan, Plan]:
    """Return the plan of drift with what is left of its promise, and that of the detectors."""
    parts = plan.promise.divided({"drift": 1 - share, "detectors": share})
    return (
        msgspec.structs.replace(plan, promise=parts["drift"]),
        msgspec.structs.replace(plan, promise=parts["detectors"]),
    )


def panel_of(
    detectors: Mapping[str, Detector],
    windows: "Sequence[pl.DataFrame]",
    plan: Plan,
    say: Say = lambda _: None,
) -> Panel:
    """Return the panel of a reference's windows, in the order of time, calibrated where it can be.

    Runs each detector on each window once, so that it may take long; ``say`` hears of each.
    """
    plans = _divided(detectors, plan)
    usual = _usual_rows(windows)
    windows = [cut(window, usual) for window in windows] if usual else windows
    parts = _parts(windows)
    members, scored = [], {}
    for name, one in detectors.items():
        say(f"{name}: looking at {len(windows)} windows of the reference")
        if one.kind == "promised":
            members.append(_promised(one, windows, plans[name]))
            continue
        walked = (
            _apart(one, windows, parts, plans["foreign"])
            if one.kind == "batch"
            else _onwards(one, windows, plans["foreign"])
        )
        member, values = _uncalibrated(one, *walked)
        members.append(member)
        if values is not None:
            scored[name] = values
    threshold = _threshold(list(scored.values()), plans.get("foreign"))
    if threshold is not None and threshold.support.claimed:
        members = [_claiming(one) if one.name in scored else one for one in members]
    elif threshold is not None:
        says = threshold.support.says
        members = [
            msgspec.structs.replace(one, says=says) if one.name in scored else one
            for one in members
        ]
    return Panel(
        plans.get("foreign", plan), _in_order(members, scored), threshold, rows=usual,
        columns=tuple(windows[0].columns) if windows else (),
    )  # fmt: skip


def watch(
    panel: Panel, detectors: Mapping[str, Detector], window: "pl.DataFrame", *, keep: bool = False
) -> Watched:
    """Look at a window with every detector, and decide by the panel's rule.

    Of a window with more rows than are usual in the reference as many are looked at: scores of
    more rows, or of far fewer, are not like those that were calibrated. A detector that fails is
    said to have, and the others are heard all the same; ``keep`` asks those that fire for what
    they show to people.
    """
    window = cut(window, panel.rows) if panel.rows else window
    bounded = cut(window, MOST_ROWS)
    members, findings = [], []
    artefacts: list[Artefact] = []
    for member, (centre, scale) in zip(panel.members, _spreads(panel), strict=True):
        if member.standing == "refused":
            members.append(member)
            findings.append(Finding(member.name, "refused", says=(member.says,)))
            continue
        rows = bounded if member.kind == "batch" else window
        try:
            _require_rows(panel, member, rows)
            seen = detectors[member.name].look(member.state, rows)
            _require_same(member, seen.look)
        except TrueupError as error:
            members.append(member)
            findings.append(Finding(member.name, "failed", says=(error.problem,)))
            continue
        members.append(msgspec.structs.replace(member, state=seen.state))
        findings.append(_finding(panel, member, seen.look, (centre, scale)))
        if keep and (findings[-1].fired or findings[-1].significant):
            artefacts += _shown(detectors[member.name], member, rows)
    return _decided(panel, tuple(members), tuple(findings), tuple(artefacts))


def triggering(came: Watched, named: Collection[str] = ()) -> tuple[str, ...]:
    """Return which detectors may set something off: those of an alarm, and what a policy names.

    Of the named it is enough that they fire by themselves, or lie above a threshold that keeps no
    promise.
    """
    return tuple(
        one.detector
        for one in came.findings
        if (came.alarmed and one.counts)
        or (one.detector in named and (one.fired or one.significant))
    )


def encode_panel(panel: Panel) -> bytes:
    """Return a panel as bytes."""
    return msgspec.msgpack.encode(panel)


def decode_panel(body: bytes) -> Panel:
    """Return what was encoded; NotProven for anything else."""
    try:
        return msgspec.msgpack.decode(body, type=Panel)
    except msgspec.DecodeError as error:
        raise NotProven(
            f"these are no detectors' states: {error}",
            remedy="Begin anew with: trueup monitor rebase MODEL --why REASON",
        ) from error


def _divided(detectors: Mapping[str, Detector], plan: Plan) -> dict[str, Plan]:
    """Return the plan of each promised detector, and one for all the others together."""
    names = [name for name, one in detectors.items() if one.kind == "promised"]
    if len(names) < len(detectors):
        names.append("foreign")
    parts = plan.promise.divided({name: 1 / len(names) for name in names})
    return {name: msgspec.structs.replace(plan, promise=part) for name, part in parts.items()}


def _parts(windows: "Sequence[pl.DataFrame]") -> "list[pl.DataFrame]":
    """Return of each window as much as a reference takes, of which all together are bounded."""
    most = min(MOST_ROWS, max(MOST_REFERENCE_ROWS // max(len(windows), 1), _LEAST_ROWS))
    return [cut(window, most) for window in windows]


def _usual_rows(windows: "Sequence[pl.DataFrame]") -> int:
    """Return how many rows half of the windows have at least; 0 for too few of them."""
    if len(windows) < LEAST_WINDOWS:
        return 0
    return max(int(np.median([len(window) for window in windows])), 1)


def _promised(one: Detector, windows: "Sequence[pl.DataFrame]", plan: Plan) -> Member:
    try:
        return Member(one.name, one.kind, "promised", one.begin(windows, plan))
    except PromiseUnsupported as error:
        return Member(one.name, one.kind, "refused", says=error.problem)


def _uncalibrated(
    one: Detector, state: bytes, looks: Sequence[Look]
) -> "tuple[Member, Floats | None]":
    """Return a detector that has gone through the windows, and its scores where they are usable."""
    names = {tuple(name for name, _ in look.scores) for look in looks}
    first = tuple(name for name, _ in looks[0].scores) if looks else ()
    says = ""
    if len(looks) < LEAST_WINDOWS:
        says = f"{len(looks)} windows of the reference can be scored, {LEAST_WINDOWS} are the least"
    elif len(names) > 1:
        says = "it gave other scores for some windows of the reference than for others"
    values = None
    if not says:
        values = np.array([[value for _, value in look.scores] for look in looks])
        if not np.isfinite(values).all():
            values, says = None, "not all its scores of the reference's windows are finite"
    scores = first if len(names) == 1 else ()
    return Member(one.name, one.kind, "uncalibrated", state, scores, says), values


def _apart(
    one: Detector, windows: "Sequence[pl.DataFrame]", parts: "Sequence[pl.DataFrame]", plan: Plan
) -> tuple[bytes, list[Look]]:
    """Compare each window with the parts of those that are not next to it."""
    looks = []
    for at, window in enumerate(windows if len(windows) >= LEAST_WINDOWS else ()):
        state = one.begin([*parts[: max(at - 1, 0)], *parts[at + 2 :]], plan)
        looks.append(one.look(state, cut(window, MOST_ROWS)).look)
    return one.begin(parts, plan), looks


def _onwards(
    one: Detector, windows: "Sequence[pl.DataFrame]", plan: Plan
) -> tuple[bytes, list[Look]]:
    """Go through the windows, the first of them to warm up."""
    warm = -(-len(windows) // _WARMING)
    state, looks = one.begin(windows[:warm], plan), []
    for window in windows[warm:]:
        seen = one.look(state, window)
        state = seen.state
        looks.append(seen.look)
    return state, looks


def _threshold(scored: "Sequence[Floats]", plan: Plan | None) -> ScoreThreshold | None:
    if not scored or plan is None:
        return None
    least = min(map(len, scored))
    if least < LEAST_WINDOWS:
        return None
    return calibrate_scores(_UNIT * np.column_stack([one[-least:] for one in scored]), plan)


def _claiming(one: Member) -> Member:
    return msgspec.structs.replace(one, standing="calibrated")


def _in_order(members: Sequence[Member], scored: "Mapping[str, Floats]") -> tuple[Member, ...]:
    """Return members; those whose scores are not in the threshold keep no names of them."""
    return tuple(
        one
        if one.name in scored or one.kind == "promised"
        else msgspec.structs.replace(one, scores=())
        for one in members
    )


def _spreads(panel: Panel) -> "list[tuple[Floats, Floats]]":
    """Return for each member the centres and scales of its scores."""
    centre = np.array(panel.threshold.centre if panel.threshold else ())
    scale = np.array(panel.threshold.scale if panel.threshold else ())
    found, at = [], 0
    for one in panel.members:
        until = at + (len(one.scores) if panel.threshold and one.kind != "promised" else 0)
        found.append((centre[at:until], scale[at:until]))
        at = until
    return found


def _shown(one: Detector, member: Member, rows: "pl.DataFrame") -> tuple[Artefact, ...]:
    """Return what a detector shows of the window that it has just looked at."""
    try:
        return one.look(member.state, rows, keep=True).look.artefacts
    except TrueupError:  # it has said all that counts
        return ()


def _require_rows(panel: Panel, member: Member, rows: "pl.DataFrame") -> None:
    """Refuse a window that is too small for scores like those that were calibrated."""
    if not len(rows):
        raise WrongUsage("the window has no rows", remedy="Give whole windows.")
    least = -(-panel.rows // 2)
    if member.kind != "promised" and len(rows) < min(least, MOST_ROWS):
        raise WrongUsage(
            f"the window has {len(rows)} rows, where the reference's have {panel.rows}:"
            " their scores cannot be compared",
            remedy="Give a reference of like windows, such as a span of own captures.",
        )


def _require_same(member: Member, look: Look) -> None:
    names = tuple(name for name, _ in look.scores)
    if member.scores and names != member.scores:
        raise WrongUsage(
            f"{member.name} gave other scores than for the reference: {', '.join(names)[:200]}",
            remedy=f"It gave {', '.join(member.scores)[:200]} then; begin anew with rebase.",
        )
    if not look.scores or not all(np.isfinite(value) for _, value in look.scores):
        raise WrongUsage(f"{member.name} gave no finite score", remedy="Look at its window.")


def _finding(panel: Panel, member: Member, look: Look, spread: "tuple[Floats, Floats]") -> Finding:
    says = (*look.says, *((member.says,) if member.says else ()))
    plain = Finding(
        member.name,
        member.standing,
        look.fired,
        score=max(value for _, value in look.scores),
        strongest=max(look.scores, key=lambda pair: pair[1])[0],
        says=says,
        firings=look.firings[:_KEPT_FIRINGS],
    )
    centre, scale = spread
    if panel.threshold is None or not len(centre):
        return plain
    away = (_UNIT * np.array([value for _, value in look.scores]) - centre) / scale
    highest = int(np.argmax(away))
    return msgspec.structs.replace(
        plain,
        score=float(away[highest]),
        at=panel.threshold.at,
        strongest=look.scores[highest][0],
        significant=bool(away[highest] > panel.threshold.at),
    )


def _decided(
    panel: Panel,
    members: tuple[Member, ...],
    findings: tuple[Finding, ...],
    artefacts: tuple[Artefact, ...],
) -> Watched:
    rule = panel.plan.rule
    significant = any(one.counts and one.standing == "calibrated" for one in findings)
    promised = any(one.counts and one.standing == "promised" for one in findings)
    recent = (*panel.significant, significant)[-rule.of :]
    alarmed = promised or bool(alarms(np.array(recent), rule)[-1])
    quiet = not any(panel.alarmed[-rule.quiet :])
    after = msgspec.structs.replace(
        panel,
        members=members,
        significant=recent,
        alarmed=(*panel.alarmed, alarmed)[-rule.quiet :],
    )
    return Watched(after, findings, alarmed, alarmed and quiet, artefacts)
