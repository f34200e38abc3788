"""Looks back on a retrain: which windows came after it, what was usual before, and what it did."""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from trueup.captures.finding import Span
from trueup.gate.arrays import np
from trueup.loop.aftermath.judging import judge
from trueup.loop.aftermath.records import Levels, Losses, Plan, Question, encode_judged
from trueup.loop.aftermath.report import written
from trueup.loop.events import Aftermath, Decided
from trueup.loop.history import Course, History
from trueup.loop.layout import log_prefix
from trueup.monitoring.performance.dropping import value_of
from trueup.monitoring.watching.events import Matured
from trueup.monitoring.watching.history import History as Watched
from trueup.store.bucket import Bucket


class Wish(msgspec.Struct, frozen=True):
    """Of which model, by which metric, as declared before; ``by`` is who looks."""

    model: str
    metric: str
    higher: bool
    by: str
    plan: Plan = Plan()


class Promotion(msgspec.Struct, frozen=True):
    """When a version became champion, and of which one it took the place."""

    version: int
    at: datetime
    before: int | None = None


class Looking:
    """The loop's port Lookback, over what was watched; ``losses`` gets both versions' losses.

    ``registered`` finds in the registry how a decision's version became champion, where the loop
    itself has not made it one. ``losses`` returns None where nobody knows what the old version
    would have done: neither did it answer beside the new one, nor can it be asked again.
    """

    def __init__(
        self,
        bucket: Bucket,
        wish: Wish,
        watched: Callable[[], Watched],
        losses: Callable[[Question, Span], Losses | None],
        registered: Callable[[Decided, int], Promotion | None],
    ) -> None:
        self._bucket, self._wish = bucket, wish
        self._watched, self._losses, self._registered = watched, losses, registered

    def look(self, course: Course, history: History, now: datetime) -> Aftermath | None:
        """Return what came of a retrain; None before all windows are there. The whole is kept."""
        promotion = promotion_of(course, history, self._registered)
        if promotion is None:
            return None
        found = question_of(course, promotion, self._watched(), self._wish, now)
        if found is None:
            return None
        question, span = found
        nothing = np.empty(0)
        losses = self._losses(question, span) or Losses(new=nothing, old=nothing, basis="shadow")
        judged = judge(losses, question, self._wish.plan)
        key = f"{log_prefix(self._wish.model)}/aftermath/{question.decision}.json"
        self._bucket.put(key, encode_judged(judged), sync=True)
        return written(judged, now, self._wish.by, key)


def promotion_of(
    course: Course, history: History, registered: Callable[[Decided, int], Promotion | None]
) -> Promotion | None:
    """Return how what a decision has trained became champion: by the loop, a merge, or a person.

    The moment of a pass that has promoted it is the one that the pass decided for.
    """
    act, decided = course.acts.get("promote"), course.decided
    if act is not None and act.state == "done" and act.version is not None:
        return Promotion(act.version, act.at, act.before)
    number = course.ended.version if course.ended is not None else None
    found = registered(decided, number) if number is not None else None
    if found is None:
        return None
    for one in history.proposals:
        carried = (one.updated or one.opened).decision == decided.decision
        if carried and one.closed is not None and one.closed.promoted:
            return msgspec.structs.replace(found, at=one.closed.at)
    return found


def question_of(
    course: Course, promoted: Promotion, watched: Watched, wish: Wish, now: datetime
) -> tuple[Question, Span] | None:
    """Return what is asked of a promotion, and of which rows; None before all windows are mature.

    Windows begin after the promotion; the first so many whose labels are complete count, for good.
    """
    old = promoted.before if promoted.before is not None else course.decided.champion
    if old is None:
        return None
    late = watched.matured()
    after = sorted(
        window
        for version, window in late
        if version == promoted.version
        and window.begin >= promoted.at
        and late[version, window].performance.maturity.mature
    )[: wish.plan.windows]
    if len(after) < wish.plan.windows:
        return None
    cause = course.decided.cause
    of_cause = [one for (version, _), one in late.items() if version == cause.version]
    hit = [one for one in of_cause if one.window.name in cause.windows]
    first = min((one.window.begin for one in hit), default=None)
    before = [one for one in of_cause if first is not None and one.window.end <= first]
    levels = Levels(
        usual=_mean(before, wish.metric),
        trigger=_mean(hit, wish.metric),
        after=_mean((late[promoted.version, each] for each in after), wish.metric),
    )
    question = Question(
        decision=course.decided.decision,
        model=wish.model,
        version=promoted.version,
        old=old,
        metric=wish.metric,
        higher=wish.higher,
        windows=tuple(each.name for each in after),
        at=now,
        levels=levels,
    )
    return question, Span(after[0].begin, after[-1].end)


def _mean(windows: Iterable[Matured], metric: str) -> float | None:
    """Return the metric's mean over windows, each as one; None where none has it."""
    found = (value_of(one.performance, metric, "realised") for one in windows)
    values = [one.value for one in found if one is not None]
    return float(np.mean(values)) if values else None
