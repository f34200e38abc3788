"""One version's closed windows brought up to date: its reference fixed, each window checked."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.captures import reading
from trueup.captures.finding import Span, segments_in
from trueup.captures.layout import LABELS, Segment
from trueup.monitoring.maturity import MaturityCurve
from trueup.monitoring.performance.answers import Answers
from trueup.monitoring.performance.dropping import Drop
from trueup.monitoring.performance.records import Performance
from trueup.monitoring.watching import basing, judging
from trueup.monitoring.watching.counting import ALL, LIVE, Rows, table_of
from trueup.monitoring.watching.events import Checked, Matured, Referenced, Revised
from trueup.monitoring.watching.history import Diary, History
from trueup.monitoring.watching.performing import (
    MOST_ROWS,
    Known,
    Performer,
    Wished,
    curve_of,
    encode_answers,
    past_of,
)
from trueup.monitoring.watching.settings import Settings
from trueup.monitoring.watching.shelf import Kept, Shelf
from trueup.monitoring.watching.windows import Window, mark_of
from trueup.project.workspace import Workspace
from trueup.registry.copying import Stamp
from trueup.registry.records import Promoted
from trueup.registry.registry import Resolved

if TYPE_CHECKING:
    import polars as pl

    from trueup.monitoring.profiles.grids import Grid


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """One model in one environment, and how it is watched."""

    workspace: Workspace
    model: str
    settings: Settings
    lateness_s: float
    diary: Diary
    shelf: Shelf
    redact: tuple[str, ...]
    now: datetime
    stamp: Stamp
    reference: Span | None = None
    wish: Wished | None = None  # of performance


class WatchedVersion:
    """The windows of one version."""

    def __init__(self, watch: Watch, found: Resolved) -> None:
        self.watch, self.found = watch, found
        self.version = found.version.version
        was_champion = any(
            isinstance(one, Promoted)
            and (one.version, one.environment) == (self.version, found.environment)
            for one in found.history.events
        )
        roles = LIVE if was_champion else ALL
        self.rows = Rows(watch.workspace.bucket, watch.model, self.version, roles)
        self.performers: dict[str, Performer] = {}

    def catch_up(self, windows: Mapping[Window, Sequence[Segment]]) -> tuple[int, int]:
        """Check what is closed and was not checked; return how many that were, and are open."""
        watch = self.watch
        history = watch.diary.history()
        fresh = waiting = 0
        based: tuple[int, Referenced, Kept] | None = None
        for window, segments in windows.items():
            if window.closes(watch.lateness_s) > watch.now:
                waiting += 1
                continue
            if self._is_late(history, window):
                self._revise(history, window, segments)
                continue
            based = based or self._based()
            fresh += self._check(based, window, segments)
            history = watch.diary.history()
        self._mature(history)
        if watch.reference is not None and based is None:
            self._based()
        return fresh, waiting

    def _is_late(self, history: History, window: Window) -> bool:
        """Say whether a window was decided on, or passed by without any capture."""
        known = [one.window for one in history.checks(self.version)]
        return bool(known) and known[0] <= window <= known[-1]

    def _revise(self, history: History, window: Window, segments: Sequence[Segment]) -> None:
        """Write down how many captures came after a window was closed; nothing is decided anew."""
        check = history.check(self.version, window)
        last = history.revisions().get((self.version, window))
        mark = mark_of(segments)
        if mark in (last.segments if last else "", check.segments if check else ""):
            return
        _, rows = self._table(window, segments)
        more = rows - (check.rows if check else 0)
        if more == (last.rows if last else 0):
            return
        event = Revised(
            at=self.watch.stamp.at, by=str(self.watch.stamp.by), window=window,
            version=self.version, rows=more, segments=mark,
        )  # fmt: skip

        def decide(now: History) -> Revised | None:
            known = now.revisions().get((self.version, window))
            return None if known and known.segments == mark else event

        self.watch.diary.add(decide)

    def _table(self, window: Window, segments: Sequence[Segment]) -> tuple[Any, int]:
        import polars as pl

        size = sum(one.size_bytes for one in segments)
        table = table_of(self.rows, Span(window.begin, window.end), size)
        if isinstance(table, pl.DataFrame):
            return table, table.height
        return table, int(table.select(pl.len()).collect().item())

    def _check(
        self,
        based: "tuple[int, Referenced, Kept]",
        window: Window,
        segments: Sequence[Segment],
    ) -> int:
        """Check a window, and say whether there was anything to check."""
        watch, (number, reference, kept) = self.watch, based
        table, rows = self._table(window, segments)
        if not rows:
            return 0
        limits = judging.limits_of(watch.settings, watch.redact)
        own = reference.basis == "captures"
        seen = judging.counted(kept, table, rows, window, limits, usual_rows=own)
        performer = self._performer(reference)
        answers = (
            None
            if performer is None
            else performer.answers(
                self._captured(window.begin, window.end, labels=False), inputs=rows <= MOST_ROWS
            )
        )
        mark, key = mark_of(segments), ""
        if seen.counted is not None and seen.is_whole(kept.reference.grid):
            replica = f"v{self.version}-captures-{mark}"
            key = watch.shelf.profile_key(seen.counted.grid.digest, window, replica)
            watch.shelf.keep_profile(key, seen.counted.profile)

        def decide(history: History) -> Checked | None:
            if history.check(self.version, window) is not None:
                return None
            before = history.before(self.version, number, window)
            told: Performance | None = None
            drops: tuple[Drop, ...] = ()
            if performer is not None and answers is not None:
                past = past_of(history, self.version, number)
                told, drops = performer.closed(window, answers, before, past)
            came = judging.weighed(kept, watch.settings, seen, before, drops)
            return Checked(
                at=watch.stamp.at, by=str(watch.stamp.by), window=window, version=self.version,
                reference=number, rows=rows, segments=mark, profile=key, state=came.state,
                phase=came.phase, drift=came.drift, broken=judging.broken_parts(seen.broken),
                reasons=came.reasons, performance=told, drops=drops,
            )  # fmt: skip

        watch.diary.add(decide)
        return 1

    def _performer(self, reference: Referenced) -> Performer | None:
        """Return what measures performance against a reference; None where nothing does."""
        wish = self.watch.wish
        if wish is None or not reference.answers:
            return None
        if reference.answers not in self.performers:
            body = self.watch.shelf.answers(reference.answers)
            made = Performer(wish, self.watch.settings, body, reference.classes)
            self.performers[reference.answers] = made
        return self.performers[reference.answers]

    def _captured(self, begin: datetime, end: datetime, *, labels: bool) -> "pl.LazyFrame":
        import polars as pl

        rows = self.rows
        span = Span(begin, end, self.version)
        found = reading.captures(rows.bucket, rows.model, span, labels=labels)
        return found.filter(pl.col("role").is_in(list(rows.roles)))

    def _mature(self, history: History) -> None:
        """Write down how windows did whose labels are complete by now; all are read at once."""
        there = history.reference(self.version)
        performer = self._performer(there[1]) if there else None
        if there is None or performer is None:
            return
        number, done = there[0], history.matured()
        waiting = [
            one
            for one in history.checks(self.version)
            if one.reference == number
            and (self.version, one.window) not in done
            and one.window.end <= self.watch.now
        ]
        if not waiting or not self._may_be_mature(waiting[0].window, performer):
            return
        frame = self._captured(waiting[0].window.begin, waiting[-1].window.end, labels=True)
        answers = performer.answers(frame, inputs=False)
        curve = curve_of(answers, self.watch.now)
        for one in waiting:
            self._mature_one(performer, one, answers, curve)

    def _may_be_mature(self, first: Window, performer: Performer) -> bool:
        after_s = performer.wish.labels.mature_after
        if after_s is not None:
            return first.closes(after_s) <= self.watch.now
        rows = self.rows
        return bool(segments_in(rows.bucket, LABELS, rows.model, Span(since=first.begin)))

    def _mature_one(
        self, performer: Performer, check: Checked, answers: Answers, curve: MaturityCurve
    ) -> None:
        watch, key = self.watch, (self.version, check.window)

        def decide(history: History) -> Matured | None:
            late = history.matured()
            if key in late:
                return None
            before = history.before(self.version, check.reference, check.window)
            known = [late.get((self.version, one.window)) for one in before]
            down = tuple(any(each.dropped for each in one.drops) for one in known if one)
            found = performer.matured(check.window, answers, watch.now, Known(curve, down))
            if found is None:
                return None
            return Matured(
                at=watch.stamp.at, by=str(watch.stamp.by), window=check.window,
                version=self.version, reference=check.reference,
                performance=found[0], drops=found[1],
            )  # fmt: skip

        watch.diary.add(decide)

    def _based(self) -> "tuple[int, Referenced, Kept]":
        """Return the version's reference, fixed now where it has none for these settings."""
        watch = self.watch
        history = watch.diary.history()
        there = history.reference(self.version)
        if there is None or not self._is_of_now(there[1]):
            wanted = self._referenced(history, there[1] if there else None)

            def decide(now: History) -> Referenced | None:
                known = now.reference(self.version)
                return None if known and self._is_of_now(known[1]) else wanted

            there = watch.diary.add(decide).reference(self.version)
            assert there is not None  # noqa: S101 - it was just written, or somebody else's is
        number, event = there
        return number, event, watch.shelf.kept(event.reference, event.threshold)

    def _is_of_now(self, event: Referenced) -> bool:
        watch = self.watch
        asked = watch.reference is None or event.source == _source(watch.reference)
        return asked and event.settings == watch.settings.digest

    def _referenced(self, history: History, before: Referenced | None) -> Referenced:
        from trueup.project.referencing import captured_rows, evaluation_rows

        watch, settings = self.watch, self.watch.settings
        is_kept = before is not None and before.window_s == settings.window_s
        is_kept = is_kept and (watch.wish is None or bool(before and before.answers))
        if before is not None and is_kept and watch.reference is None:
            kept = watch.shelf.kept(before.reference, before.threshold)
            made = basing.calibrated(kept, settings)
            return self._event(made, before, "other settings than before")
        span = watch.reference or _span(before)
        if span is not None:
            rows = captured_rows(watch.workspace, watch.model, self.found, span)
        else:
            rows = evaluation_rows(watch.workspace, watch.model, self.found)
        made = basing.based(rows.table, settings, timed=rows.timed, grid=self._grid(history))
        drafted = Referenced(
            at=watch.stamp.at, by="", version=self.version, digest="", grid="", reference="",
            basis=rows.basis, source=rows.source, left_out=rows.left_out, says=rows.says,
            classes=rows.classes,
        )  # fmt: skip
        if watch.wish is not None and rows.answers is not None and rows.answers.height:
            body = encode_answers(rows.answers)
            key = watch.shelf.keep_answers(made.kept.reference, body)
            drafted = msgspec.structs.replace(drafted, answers=key)
        why = "first check of the version" if before is None else "other rows or windows"
        return self._event(made, drafted, why)

    def _event(self, made: basing.Based, like: Referenced, why: str) -> Referenced:
        watch, reference = self.watch, made.kept.reference
        key = watch.shelf.keep_reference(reference, made.kept.habits)
        threshold = made.kept.threshold
        threshold_key = watch.shelf.keep_threshold(reference, threshold) if threshold else ""
        return msgspec.structs.replace(
            like,
            at=watch.stamp.at,
            by=str(watch.stamp.by),
            version=self.version,
            digest=self.found.version.model.digest,
            grid=reference.grid.digest,
            reference=key,
            threshold=threshold_key,
            settings=watch.settings.digest,
            window_s=watch.settings.window_s,
            rows=reference.rows,
            claimed=made.claimed,
            says=(*(one for one in like.says if not one.startswith("No rate")), *made.says),
            why=why,
        )

    def _grid(self, history: History) -> "Grid | None":
        first = history.grid()
        if first is None:
            return None
        return self.watch.shelf.kept(first.reference, "").reference.grid


def _source(span: Span) -> str:
    from trueup.project.referencing import source_of

    return source_of(span)


def _span(before: Referenced | None) -> Span | None:
    """Return the span of captures that a reference was made of; None for other rows."""
    if before is None or before.basis != "captures":
        return None
    since, _, until = before.source.removeprefix("captures:").partition("..")
    return Span(_moment(since), _moment(until))


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(f"{text}+00:00") if text else None
