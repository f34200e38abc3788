"""How a canary ends: live verdict, harm, errors and latency beside the champion, or time."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from statistics import NormalDist
from typing import TYPE_CHECKING

from trueup.captures import trials
from trueup.captures.finding import Span
from trueup.config.loop_entries import CanaryEntry
from trueup.errors import WrongUsage
from trueup.loop.events import Acted
from trueup.loop.history import Course
from trueup.loop.policy import Policy
from trueup.loop.ports import Found, Move
from trueup.monitoring.broken.bounds import surprise
from trueup.project import gating, promoting
from trueup.project.loading import entry_of
from trueup.project.registering import registry_of
from trueup.project.workspace import Workspace
from trueup.registry.names import CHALLENGER

if TYPE_CHECKING:
    import polars as pl

_RATE = 0.001  # a bound is broken by chance in at most so many looks
_RECENT = timedelta(days=1)  # whose captures tell of errors and latency
_ARRIVING = timedelta(minutes=10)  # both versions' captures, and a version loaded by the server
_ANSWERED = ("champion", "challenger", "explore")
_SLOW = 0.99  # of the champion's rows are answered sooner than what counts as slow
_LEAST = 100  # rows of the champion that say what is slow
_LEAST_S = 0.01  # by which a row is slower, else it is not slow


def check_trial(workspace: Workspace, policy: Policy) -> None:
    """Refuse a canary of which no row would be answered by both versions."""
    challenger = entry_of(workspace, policy.model).serve.challenger
    if policy.then != "canary" or (challenger and (challenger.shadow or challenger.explore)):
        return
    raise WrongUsage(
        "then: canary could never be decided: no row is answered by both versions",
        remedy="Write challenger: {shadow: true} under serve:, or let it explore some rows",
        place=workspace.project.file,
    )


class Trials:
    """The loop's port Trial, over one model's captures, trial records and registry."""

    def __init__(self, workspace: Workspace, policy: Policy) -> None:
        self._root, self._env, self._policy = workspace.root, workspace.env, policy

    def waits(self, course: Course, now: datetime) -> str:
        """Return why there is nothing to do: not due, and nothing speaks against the version."""
        out, last = _out(course), course.done("trial")
        with self._opened() as workspace:
            canary = self._canary(workspace)
            end = out.at + timedelta(seconds=canary.at_most)
            due = min(end, (last or out).at + timedelta(seconds=canary.every))
            under_way = "trial" in course.acts and last is None
            if under_way or now >= due or self._gone(workspace, course) is not None:
                return ""
            if self._ailing(workspace, course, now) is not None:
                return ""
        says = f"; {last.says}" if last and last.says else ""
        return (
            f"version {out.version} is on trial until {end:%Y-%m-%d %H:%M %Z} at the latest, and"
            f" looked at again from {due:%Y-%m-%d %H:%M %Z}{says}"
        )

    def look(self, course: Course, now: datetime) -> Found:
        """Judge the rows since the trial began by the gate; what ails it comes before."""
        out = _out(course)
        with self._opened() as workspace:
            found = self._gone(workspace, course) or self._ailing(workspace, course, now)
            if found is not None:
                return found
            span = Span(out.at, now, environment=course.decided.environment)
            name = f"{course.decided.model}/{out.version}"
            judged = gating.gate_trial(workspace, name, span, course.decided.environment)
            verdict = judged.verdict
            says = "; ".join(judged.evidence.reasons[:3]) or verdict.word
            if verdict.word != "inconclusive" and not verdict.no_change:
                return Found(verdict.word, f"its live rows: {says}", judged.evidence.verdict)
            harm = self._harm(workspace, course)
            if harm is not None:
                return harm
            canary = self._canary(workspace)
            if now >= out.at + timedelta(seconds=canary.at_most):
                return Found("undecided", f"undecided in all its time: {says}")
            return Found("open", f"undecided yet: {says}")

    def withdraw(self, course: Course) -> Move:
        """Take the alias away, if the version still has it."""
        number, environment = _out(course).version, course.decided.environment
        with self._opened() as workspace:
            if self._gone(workspace, course) is None:
                name = f"{course.decided.model}/{number}"
                wanted = promoting.Wanted(environment)
                promoting.alias(workspace, name, CHALLENGER, wanted, remove=True)
        return Move(True, number, says=f"version {number} is not on trial any more")

    @contextmanager
    def _opened(self) -> Iterator[Workspace]:
        """Open the project anew: a pass changes its files."""
        workspace = Workspace(self._root, self._env)
        try:
            yield workspace
        finally:
            workspace.close()

    def _canary(self, workspace: Workspace) -> CanaryEntry:
        entry = entry_of(workspace, self._policy.model).loop
        return entry.canary if entry else CanaryEntry()

    def _gone(self, workspace: Workspace, course: Course) -> Found | None:
        """Return what somebody else has made of the version; None while it is on trial."""
        number, decided = _out(course).version, course.decided
        standing = registry_of(workspace).so_far(decided.model).standing(decided.environment)
        if standing.champion == number:
            return Found("promoted", f"version {number} was promoted by somebody else")
        if standing.aliases.get(CHALLENGER) != number:
            return Found("gone", f"somebody else has ended the trial of version {number}")
        return None

    def _ailing(self, workspace: Workspace, course: Course, now: datetime) -> Found | None:
        """Return what speaks against the version beside any verdict: errors, or latency."""
        out, decided = _out(course), course.decided
        live = registry_of(workspace).so_far(decided.model).champion(decided.environment)
        if live is None or out.version is None:
            return None
        from trueup.captures.reading import captures

        span = Span(max(out.at, now - _RECENT), now, environment=decided.environment)
        frame = captures(workspace.bucket, decided.model, span, labels=False)
        import polars as pl  # reading has said what to do where it is missing

        both = (live, out.version)
        frame = frame.filter(pl.col("version").is_in(both))
        columns = ["id", "at", "version", "role", "latency_s"]
        if "propensity" in frame.collect_schema().names():
            columns.append("propensity")
        rows, canary = frame.select(columns).collect(), self._canary(workspace)
        challenger = entry_of(workspace, decided.model).serve.challenger
        begin = (span.since or now) + _ARRIVING
        given = _given(rows, out.version, begin, every=bool(challenger and challenger.shadow))
        says = unanswered(given, rows, both, canary.errors)
        if says:
            return Found("errors", says)
        says = slow(rows, both, canary.latency)
        return Found("latency", says) if says else None

    def _harm(self, workspace: Workspace, course: Course) -> Found | None:
        """Return what the newest record of the trial shows, if that is surer than one look asks.

        Many looks at an interval of 95 % find harm by chance.
        """
        decided = course.decided
        versions = registry_of(workspace).so_far(decided.model)
        live = versions.champion(decided.environment)
        if live is None:
            return None
        numbers = live, _out(course).version or 0
        digests = [versions.version(one).model.digest for one in numbers]
        found = trials.latest(workspace.bucket, decided.model, *digests)
        if found is None:
            return None
        for one in found.trial.differences:
            if surely_worse(one, found.trial.confidence):
                says = f"it does harm: {one.measure} is {one.difference:+.3g} over {one.rows} rows"
                return Found("harm", f"{says} (trial record {found.number})")
        return None


def _out(course: Course) -> Acted:
    out = course.trial
    assert out is not None  # noqa: S101 - steps ask of what is on trial only
    return out


def surely_worse(found: trials.Difference, confidence: float) -> bool:
    """Say whether a difference is harm with an error of one in a thousand.

    >>> surely_worse(trials.Difference("error_rate", 90, 0.1, 0.2, 0.1, 0.04, 0.16), 0.95)
    True
    >>> surely_worse(trials.Difference("error_rate", 90, 0.1, 0.2, 0.1, 0.01, 0.19), 0.95)
    False
    """
    if found.low is None or found.low <= 0:
        return False
    normal = NormalDist()
    spread = (found.difference - found.low) / normal.inv_cdf(0.5 + confidence / 2)
    return found.difference > normal.inv_cdf(1 - _RATE) * spread


def _given(rows: "pl.DataFrame", number: int, begin: datetime, *, every: bool) -> "pl.DataFrame":
    """Return the answered rows that both versions were to predict, once each.

    From the first that the version on trial has predicted, else from when it should have been
    loaded; and none so young that its captures may still be on their way.
    """
    import polars as pl

    own = rows.filter(pl.col("version") == number)["at"]
    last = rows["at"].max()
    if not isinstance(last, datetime):
        return rows
    first, until = own.min() if len(own) else begin, last - _ARRIVING
    newest = own.max()
    until = max(until, newest) if isinstance(newest, datetime) else until
    given = rows.filter(
        pl.col("role").is_in(_ANSWERED) & pl.col("at").is_between(pl.lit(first), pl.lit(until))
    )
    if not every:
        chosen = "propensity" in rows.columns
        given = given.filter(pl.col("propensity").is_not_null() if chosen else pl.lit(False))
    return given.unique("id")


def unanswered(
    given: "pl.DataFrame", rows: "pl.DataFrame", both: tuple[int, int], share: float
) -> str:
    """Return that the second version has left surely more rows unanswered than it may; or nothing.

    What the first one has left as well, such as rows in a rush that a shadow has no time for, is
    allowed on top.
    """
    import polars as pl

    count = given.height
    shares = []
    for version in both:
        own = rows.filter(pl.col("version") == version).select("id").unique()
        shares.append(given.join(own, on="id", how="anti").height)
    theirs, left = shares
    allowed = min(share + theirs / max(1, count), 0.999)
    if surprise(left, count, allowed) <= -math.log(_RATE):
        return ""
    return (
        f"version {both[1]} has left {left:,} of {count:,} rows unanswered (version {both[0]}:"
        f" {theirs:,}), and {share:.1%} more are allowed"
    )


def slow(rows: "pl.DataFrame", both: tuple[int, int], times: float) -> str:
    """Return that the second version is surely slow more often than the first one; or nothing.

    Slow is what takes so many times as long as 99 % of the first one's answers, and 10 ms longer.
    """
    import polars as pl

    of_live = rows.filter((pl.col("version") == both[0]) & pl.col("role").is_in(_ANSWERED))
    own = rows.filter(pl.col("version") == both[1])
    answers = own.filter(pl.col("role") != "shadow")
    own = answers if answers.height >= _LEAST else own
    usual = of_live["latency_s"].quantile(_SLOW)
    if of_live.height < _LEAST or usual is None:
        return ""
    bound = max(times * usual, usual + _LEAST_S)
    count = int((own["latency_s"] > bound).sum())
    if surprise(count, own.height, 1 - _SLOW) <= -math.log(_RATE):
        return ""
    return (
        f"{count:,} of {own.height:,} rows took version {both[1]} longer than {1000 * bound:.3g} ms"
        f" (99 % of version {both[0]}'s take at most {1000 * usual:.3g} ms)"
    )
