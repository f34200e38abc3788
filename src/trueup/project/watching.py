"""One version's closed windows brought up to date: each is checked once, and written down."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

import msgspec

from trueup.captures.finding import Span
from trueup.captures.layout import Segment
from trueup.monitoring.broken.records import Broken, Finding, ordered, piped
from trueup.monitoring.performance.answers import Answers
from trueup.monitoring.performance.dropping import Drop
from trueup.monitoring.performance.records import Performance
from trueup.monitoring.profiles.served import Covered, counted_before
from trueup.monitoring.watching import judging
from trueup.monitoring.watching.counting import fitting, table_of
from trueup.monitoring.watching.events import Checked, Detected, Referenced, Revised
from trueup.monitoring.watching.history import History
from trueup.monitoring.watching.performing import MOST_ROWS, past_of
from trueup.monitoring.watching.shelf import Kept
from trueup.monitoring.watching.silence import judged, rows_before
from trueup.monitoring.watching.windows import Window, mark_of
from trueup.project.maturing import Maturing
from trueup.project.origins import origins
from trueup.project.watch import Version


class WatchedVersion:
    """The windows of one version."""

    def __init__(self, version: Version, shared: Set[Window] = frozenset()) -> None:
        self.shared = shared  # windows in which other versions have answered, too
        self.version, self.watch = version, version.watch
        self.number = version.number
        self.maturing = Maturing(version)

    def catch_up(self, windows: Mapping[Window, Sequence[Segment]]) -> tuple[int, int]:
        """Check what is closed and was not checked; return how many that were, and are open."""
        watch = self.watch
        history = watch.diary.known()
        fresh = waiting = 0
        based: tuple[int, Referenced, Kept] | None = None
        for window, segments in windows.items():
            if window.closes(watch.lateness_s) > watch.now:
                waiting += bool(segments)
            elif not segments:
                if self._is_open(history, window):
                    based = based or self._based()
                    fresh += self._check_silent(based, window)
            elif self._is_known(history, window, segments):
                continue
            elif self._is_late(history, window):
                self._revise(history, window, segments)
            else:
                based = based or self._based()
                fresh += self._check(based, window, segments)
            history = watch.diary.known()
        if watch.reference is not None and based is None:
            self._based()
        self.maturing.mature(history)
        return fresh, waiting

    def _based(self) -> tuple[int, Referenced, Kept]:
        from trueup.project.fixing import Fixing  # loads models and evaluation data

        return Fixing(self.version).based()

    def _is_known(self, history: History, window: Window, segments: Sequence[Segment]) -> bool:
        """Say whether nothing has come of a window since it was looked at."""
        check = history.check(self.number, window)
        last = history.revisions().get((self.number, window))
        seen = {one.segments for one in (last or check,) if one}
        return mark_of(segments) in seen

    def _is_late(self, history: History, window: Window) -> bool:
        """Say whether a window was decided on, or passed by without any capture."""
        known = [one.window for one in history.checks(self.number)]
        return bool(known) and known[0] <= window <= known[-1]

    def _is_open(self, history: History, window: Window) -> bool:
        """Say whether nothing was said of a window yet."""
        is_checked = history.check(self.number, window) is not None
        return not is_checked and not self._is_late(history, window)

    def _revise(self, history: History, window: Window, segments: Sequence[Segment]) -> None:
        """Write down how many captures came after a window was closed; nothing is decided anew."""
        check = history.check(self.number, window)
        _, rows = self._table(window, segments)
        self._passed(window, rows - (check.rows if check else 0), mark_of(segments))

    def _passed(self, window: Window, more: int, mark: str) -> None:
        event = Revised(
            at=self.watch.stamp.at, by=str(self.watch.stamp.by), window=window,
            version=self.number, rows=more, segments=mark,
        )  # fmt: skip

        def decide(now: History) -> Revised | None:
            known = now.revisions().get((self.number, window))
            return None if known and known.segments == mark else event

        self.watch.diary.add(decide)

    def _counted_before(
        self, kept: Kept, taken: judging.Taken, segments: Sequence[Segment]
    ) -> judging.Taken:
        """Take a window as counted where each of its segments has a profile beside it."""
        rows = self.version.rows
        covered = Covered(rows.model, taken.window, segments, rows.roles)
        found = counted_before(rows.bucket, kept.reference, covered, taken.rows)
        return msgspec.structs.replace(taken, counted=found)

    def _counted(
        self,
        based: "tuple[int, Referenced, Kept]",
        taken: judging.Taken,
        skewed: tuple[Finding, ...],
    ) -> judging.Counted:
        """Count a window, and name the pipes to mend where it is broken or skewed."""
        watch, (_, reference, kept) = self.watch, based
        limits = judging.limits_of(watch.settings, watch.redact)
        seen = judging.counted(kept, taken, limits, self._usual(reference, taken.window))
        if skewed:
            every = ordered([*seen.broken.findings, *skewed])
            broken = msgspec.structs.replace(seen.broken, findings=every)
            seen = msgspec.structs.replace(seen, broken=broken)
        if not seen.broken.names:
            return seen
        pipes = origins(watch.workspace, seen.broken.names)
        return msgspec.structs.replace(seen, broken=piped(seen.broken, pipes))

    def _detected(
        self, based: "tuple[int, Referenced, Kept]", taken: judging.Taken, seen: judging.Counted
    ) -> Detected | None:
        """Let the detectors look, each going on from the window before with this reference."""
        number, reference, kept = based
        if not reference.panel:
            return None
        history = self.watch.diary.history()
        before = [
            one
            for one in history.before(self.number, number, taken.window)
            if one.detected is not None
        ]
        table = fitting(taken.table, kept.reference.grid)
        last = before[-1] if before else None
        return self.watch.detecting.look(reference, last, table, seen.broken)

    def _kept_profile(self, kept: Kept, seen: judging.Counted, mark: str) -> str:
        """Keep a window's profile and return its key; of one that does not fit the grid, none."""
        if seen.counted is None or not seen.is_whole(kept.reference.grid):
            return ""
        replica = f"v{self.number}-captures-{mark}"
        key = self.watch.shelf.profile_key(seen.counted.grid.digest, seen.window, replica)
        self.watch.shelf.keep_profile(key, seen.counted.profile)
        return key

    def _usual(self, reference: Referenced, window: Window) -> judging.Usual:
        if window in self.shared:
            return judging.Usual()
        if reference.basis == "captures":
            return judging.Usual(as_reference=True)
        history = self.watch.diary.history()
        known = [one for one in history.checks(self.number) if one.window not in self.shared]
        return judging.Usual(before=rows_before(known, history.acknowledged(), window))

    def _table(self, window: Window, segments: Sequence[Segment]) -> tuple[Any, int]:
        import polars as pl

        size = sum(one.size_bytes for one in segments)
        table = table_of(self.version.rows, Span(window.begin, window.end), size)
        if isinstance(table, pl.DataFrame):
            return table, table.height
        return table, int(table.select(pl.len()).collect().item())

    def _check_silent(self, based: "tuple[int, Referenced, Kept]", window: Window) -> int:
        """Write down that nothing was captured in a window, unless that is usual."""
        watch, (number, _, kept) = self.watch, based
        history = watch.diary.history()
        before = rows_before(history.checks(), history.acknowledged(), window)
        limits = judging.limits_of(watch.settings)
        found = judged(kept.reference, before, window, limits)
        if found.finding is None and not found.says:
            return 0
        broken = Broken((found.finding,) if found.finding else (), 0, 0, limits)
        event = Checked(
            at=watch.stamp.at, by=str(watch.stamp.by), window=window, version=self.number,
            reference=number, rows=0, segments=mark_of(()),
            state="broken" if found.finding else "unsupported",
            phase=watch.settings.phase(window.begin), broken=judging.broken_parts(broken),
            reasons=(found.finding.says if found.finding else found.says,),
        )  # fmt: skip

        def decide(now: History) -> Checked | None:
            return event if self._is_open(now, window) else None

        watch.diary.add(decide)
        return 1

    def _check(
        self,
        based: "tuple[int, Referenced, Kept]",
        window: Window,
        segments: Sequence[Segment],
    ) -> int:
        """Check a window, and say whether there was anything to check."""
        watch, (number, reference, kept) = self.watch, based
        table, rows = self._table(window, segments)
        mark = mark_of(segments)
        if not rows:
            self._passed(window, 0, mark)
            return 0
        taken = self._counted_before(kept, judging.Taken(window, table, rows), segments)
        compared, skewed = watch.skewing.compare(table, rows) if watch.skewing else (None, ())
        seen = self._counted(based, taken, skewed)
        detected = self._detected(based, taken, seen)
        key = self._kept_profile(kept, seen, mark)
        performer = self.maturing.performer(reference)
        answers: Answers | None = None
        if performer is not None:
            captured = self.version.captured(window.begin, window.end, labels=False)
            answers = performer.answers(captured, inputs=rows <= MOST_ROWS)

        def decide(history: History) -> Checked | None:
            if history.check(self.number, window) is not None:
                return None
            before = history.before(self.number, number, window)
            told: Performance | None = None
            drops: tuple[Drop, ...] = ()
            if performer is not None and answers is not None:
                past = past_of(history, self.number, number)
                told, drops = performer.closed(window, answers, before, past)
            beside = judging.Beside(drops, detected)
            came = judging.weighed(kept, watch.settings, seen, before, beside)
            return Checked(
                at=watch.stamp.at, by=str(watch.stamp.by), window=window, version=self.number,
                reference=number, rows=rows, segments=mark, profile=key, state=came.state,
                phase=came.phase, drift=came.drift, broken=judging.broken_parts(seen.broken),
                reasons=came.reasons, performance=told, drops=drops, detected=detected,
                skew=compared,
            )  # fmt: skip

        watch.diary.add(decide)
        return 1
