"""A version's windows whose labels have come: how well it did in each, written down once."""

from collections.abc import Sequence

from trueup.captures.finding import Span, segments_in
from trueup.captures.layout import LABELS
from trueup.monitoring.maturity import MaturityCurve
from trueup.monitoring.performance.answers import Answers
from trueup.monitoring.watching.events import Checked, Matured, Referenced
from trueup.monitoring.watching.history import History
from trueup.monitoring.watching.performing import Known, Performer, curve_of
from trueup.monitoring.watching.windows import Window
from trueup.project.watch import Version

_AT_ONCE = 31  # windows whose captures are read together


class Maturing:
    """Measures one version's performance; what was made ready of a reference is kept."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.performers: dict[str, Performer] = {}

    def performer(self, reference: Referenced) -> Performer | None:
        """Return what measures performance against a reference; None where nothing does."""
        wish = self.version.watch.wish
        if wish is None or not reference.answers:
            return None
        if reference.answers not in self.performers:
            body = self.version.watch.shelf.answers(reference.answers)
            made = Performer(wish, self.version.watch.settings, body, reference.classes)
            self.performers[reference.answers] = made
        return self.performers[reference.answers]

    def mature(self, history: History) -> None:
        """Write down how windows did whose labels are complete by now."""
        there = history.reference(self.version.number)
        performer = self.performer(there[1]) if there else None
        if there is None or performer is None:
            return
        number, done, now = there[0], history.matured(), self.version.watch.now
        after_s = performer.wish.labels.mature_after or 0.0
        waiting = [
            one
            for one in history.checks(self.version.number)
            if one.reference == number
            and (self.version.number, one.window) not in done
            and one.window.closes(after_s) <= now
        ]
        if not waiting or not self._has_labels(waiting[0].window):
            return
        for start in range(0, len(waiting), _AT_ONCE):
            self._mature_some(performer, waiting[start : start + _AT_ONCE])

    def _has_labels(self, first: Window) -> bool:
        rows = self.version.rows
        return bool(segments_in(rows.bucket, LABELS, rows.model, Span(since=first.begin)))

    def _mature_some(self, performer: Performer, checks: Sequence[Checked]) -> None:
        now = self.version.watch.now
        frame = self.version.captured(checks[0].window.begin, checks[-1].window.end, labels=True)
        answers = performer.answers(frame, inputs=False)
        curve = curve_of(answers, now)
        moments = answers.at[answers.labelled(int(now.timestamp() * 1e6))]
        for one in checks:
            begin, end = (m.timestamp() * 1e6 for m in (one.window.begin, one.window.end))
            if ((moments >= begin) & (moments < end)).any():
                self._mature_one(performer, one, answers, curve)

    def _mature_one(
        self, performer: Performer, check: Checked, answers: Answers, curve: MaturityCurve
    ) -> None:
        watch, key = self.version.watch, (self.version.number, check.window)

        def decide(history: History) -> Matured | None:
            late = history.matured()
            if key in late:
                return None
            before = history.before(self.version.number, check.reference, check.window)
            known = [late.get((self.version.number, one.window)) for one in before]
            down = tuple(any(each.dropped for each in one.drops) for one in known if one)
            found = performer.matured(check.window, answers, watch.now, Known(curve, down))
            if found is None:
                return None
            return Matured(
                at=watch.stamp.at, by=str(watch.stamp.by), window=check.window,
                version=self.version.number, reference=check.reference,
                performance=found[0], drops=found[1],
            )  # fmt: skip

        watch.diary.add(decide)
