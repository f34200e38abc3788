"""The windows after a promotion, and no others, tell what a retrain has brought about."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from trueup.captures.finding import Span
from trueup.loop.aftermath.looking import (
    Looking,
    Promotion,
    Wish,
    promotion_of,
    question_of,
)
from trueup.loop.aftermath.records import Losses, Plan, Question, decode_judged
from trueup.loop.events import (
    Acted,
    Cause,
    Decided,
    End,
    Ended,
    PullRequestClosed,
    PullRequestOpened,
    PullRequestUpdated,
)
from trueup.loop.history import Course, History, Proposal
from trueup.loop.ports import Lookback
from trueup.monitoring.maturity import WindowMaturity
from trueup.monitoring.performance.records import Coverage, Performance, Realised
from trueup.monitoring.watching.events import Matured
from trueup.monitoring.watching.history import History as Watched
from trueup.monitoring.watching.windows import Window
from trueup.store.memory import MemoryBucket

FIRST, DAY = datetime(2013, 9, 1, tzinfo=UTC), timedelta(days=1)
WISH = Wish("flights/flight-late", "log_loss", higher=False, by="ada", plan=Plan(windows=2))


def matured(day: int, version: int, value: float) -> Matured:
    begin = FIRST + day * DAY
    window = Window(begin, begin + DAY)
    realised = Realised("log_loss", "all rows", 900, value)
    maturity = WindowMaturity(True, begin, 0.0, True, 1.0, 1.0)
    performance = Performance(
        begin, window.end, window.end, 900, (realised,), (), maturity, Coverage(900, 900, 900)
    )
    return Matured(
        at=window.end, by="ada", window=window, version=version, reference=1,
        performance=performance,
    )  # fmt: skip


def course(before: int | None = 3) -> Course:
    cause = Cause(
        "performance", "performance", "2013-09-05", FIRST + 5 * DAY, "worse",
        windows=("2013-09-04", "2013-09-05"), version=3,
    )  # fmt: skip
    decided = Decided(
        at=FIRST + 5 * DAY, by="ada", decision="d1", model=WISH.model, environment="dev",
        policy="p", do="retrain", cause=cause, cools_from=FIRST, champion=3,
    )  # fmt: skip
    act = Acted(
        at=FIRST + 5.5 * DAY, by="ada", decision="d1", epoch=1, step="promote", state="done",
        version=4, before=before,
    )  # fmt: skip
    return Course(decided, 1, acts={"promote": act})


PROMOTED = Promotion(4, FIRST + 5.5 * DAY, 3)


def ended(end: End) -> Course:
    """Return a decision that has left the promotion to others."""
    over = Ended(at=FIRST, by="ada", decision="d1", epoch=1, end=end, version=4)
    return msgspec.structs.replace(course(), acts={}, ended=over)


def unknown(decided: Decided, version: int) -> Promotion | None:
    return None


def known(decided: Decided, version: int) -> Promotion | None:
    return Promotion(version, FIRST + 9 * DAY, 3)


BEFORE = [matured(day, 3, 0.50) for day in range(3)] + [matured(day, 3, 0.60) for day in (3, 4)]
BETWEEN = [matured(5, 4, 9.0)]  # began before the promotion
AFTER = [matured(day, 4, 0.52) for day in (6, 7)] + [matured(8, 4, 9.0)]


def test_the_first_windows_that_began_after_the_promotion_count() -> None:
    watched = Watched((*BEFORE, *BETWEEN, *AFTER))
    found = question_of(course(), PROMOTED, watched, WISH, FIRST + 20 * DAY)
    assert found is not None
    question, span = found
    assert (question.version, question.old) == (4, 3)
    assert question.windows == ("2013-09-07", "2013-09-08")
    assert span == Span(FIRST + 6 * DAY, FIRST + 8 * DAY)
    levels = question.levels
    assert (levels.usual, levels.trigger, levels.after) == pytest.approx((0.50, 0.60, 0.52))


def test_nothing_is_asked_before_all_windows_are_mature_or_without_a_promotion() -> None:
    early = Watched((*BEFORE, *BETWEEN, AFTER[0]))
    assert question_of(course(), PROMOTED, early, WISH, FIRST) is None
    assert promotion_of(ended("asked"), History(), unknown) is None


def test_a_promotion_by_hand_or_by_a_merge_is_found_in_the_registry() -> None:
    """And its moment is the one of the pass that has seen the merge, if a pass has made it."""
    by_hand = promotion_of(ended("asked"), History(), known)
    assert by_hand == Promotion(4, FIRST + 9 * DAY, 3)
    seen: dict[str, Any] = {"at": FIRST + 6 * DAY, "by": "ada", "number": 7}
    opened = PullRequestOpened(**seen, decision="d1", epoch=1, url="", branch="b", version=4)
    for promoted, at in ((True, FIRST + 6 * DAY), (False, FIRST + 9 * DAY)):
        closed = PullRequestClosed(**seen, merged=True, promoted=promoted)
        merged = History(proposals=(Proposal(opened, closed=closed),))
        assert promotion_of(ended("proposed"), merged, known) == Promotion(4, at, 3)
    later = PullRequestUpdated(
        at=FIRST, by="ada", decision="d2", epoch=1, number=7, head="", version=5
    )
    closed = PullRequestClosed(**seen, merged=True, promoted=True)
    overtaken = History(proposals=(Proposal(opened, later, closed),))
    assert promotion_of(ended("proposed"), overtaken, unknown) is None


def test_what_the_loop_has_promoted_itself_needs_no_registry() -> None:
    assert promotion_of(course(), History(), unknown) == PROMOTED


def test_what_was_found_is_kept_whole_and_told_to_the_log() -> None:
    bucket, asked = MemoryBucket(), []

    def losses(question: Question, span: Span) -> Losses:
        asked.append((question.version, question.old, span.since))
        draw = np.random.default_rng(3)
        old = draw.gamma(2.0, 0.3, 900)
        return Losses(new=old - draw.normal(0.1, 0.05, 900), old=old, basis="shadow")

    watched = Watched((*BEFORE, *AFTER))
    looking: Lookback = Looking(bucket, WISH, lambda: watched, losses, unknown)
    found = looking.look(course(), History(), FIRST + 20 * DAY)
    assert found is not None
    assert (found.effect, found.basis, found.recovery) == ("helped", "shadow", 0.8)
    assert asked == [(4, 3, FIRST + 6 * DAY)]
    kept = decode_judged(bucket.get(found.record))
    assert kept.difference == found.difference


def test_where_nobody_knows_what_the_old_one_would_have_done_nothing_is_decided() -> None:
    watched = Watched((*BEFORE, *AFTER))
    looking = Looking(MemoryBucket(), WISH, lambda: watched, lambda question, span: None, unknown)
    found = looking.look(course(), History(), FIRST + 20 * DAY)
    assert found is not None
    assert found.effect == "undecided"
    assert found.recovery == pytest.approx(0.8)
