"""A champion's windows in a backtest: checked by the code of monitor, on rows of the history."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.captures.layout import Segment
from trueup.config.model_entries import MonitorEntry
from trueup.loop.backtest.questions import Look, Looked
from trueup.monitoring.watching import judging
from trueup.monitoring.watching.counting import AT, ID, LIVE, Rows
from trueup.monitoring.watching.history import Diary, History
from trueup.monitoring.watching.performing import wished
from trueup.monitoring.watching.settings import settings_of
from trueup.monitoring.watching.shelf import Kept, Shelf
from trueup.monitoring.watching.windows import Window, window_at
from trueup.project.backtest_bench import Bench, between, key_of, outputs_of
from trueup.project.backtest_rows import ARRIVED
from trueup.project.detecting import Detecting
from trueup.project.fixing import Fixing
from trueup.project.maturing import Maturing
from trueup.project.observing import trust_of, window_seen
from trueup.project.registering import stamp_of
from trueup.project.watch import Version, Watch
from trueup.project.watching import WatchedVersion

if TYPE_CHECKING:
    import polars as pl


def looked(bench: Bench, asked: Look) -> Looked:
    """Check a champion's windows that are closed by then, and return all there are of it.

    What is written down of them lies in the backtest's own store, so that each is checked once.
    """
    workspace, entry = bench.checkout.opened(), bench.entry
    stamp = msgspec.structs.replace(stamp_of(workspace), at=asked.now)
    life = f"{key_of(asked.champion)}-{asked.since:%Y%m%dT%H%M%S}"
    with Detecting(workspace, bench.name) as detecting:
        watch = Watch(
            workspace=workspace,
            model=bench.name,
            settings=settings_of(entry, workspace.project.file),
            lateness_s=(entry.monitor or MonitorEntry()).lateness,
            diary=Diary(workspace.bucket, bench.name, f"{bench.place.home.name}-{life}"),
            shelf=Shelf(workspace.bucket, bench.name),
            redact=entry.serve.capture.redact,
            now=asked.now,
            stamp=stamp,
            wish=wished(entry),
            detecting=detecting,
        )
        found = bench.resolved(asked.champion)
        rows = Rows(workspace.bucket, bench.name, found.version.version, LIVE, found.environment)
        version = _Past(watch, found, rows, bench, asked)
        if watch.diary.history().reference(version.number) is None:
            bench.restore(asked.champion)  # its evaluation rows are what it is compared with
            Fixing(version).based()
        _Windows(version).check()
    return _seen(watch.diary.history(), version)


class _Past(Version, frozen=True):
    """A champion whose captures are what it answers to rows of the history."""

    bench: Bench
    asked: Look

    def captured(self, begin: datetime, end: datetime, *, labels: bool) -> "pl.LazyFrame":
        """Return what it would have captured in a span, with the labels that came by then."""
        import polars as pl

        bench, asked = self.bench, self.asked
        table = between(bench.history(), max(begin, asked.since), min(end, asked.now))
        entry, frame = table.entry, table.frame
        model = bench.model(asked.champion)
        answered = outputs_of(model.predict(frame)[0]) if frame.height else {}
        names = [one for one in model.inputs if one not in self.watch.redact]
        found = frame.select(
            pl.col(entry.id).alias("id"),
            pl.col(entry.time).alias("at"),
            pl.lit("champion").alias("role"),
            *(pl.col(one).alias(f"input.{one}") for one in names),
            *(pl.Series(f"output.{name}", one) for name, one in answered.items()),
            *(pl.col(entry.target).alias("label"), pl.col(ARRIVED).alias("labelled_at"))[
                : 2 * labels
            ],
        )
        return found.lazy()


class _Labels(Maturing):
    """Whether labels have come is for the history to say, which is not in segments."""

    def _has_labels(self, first: Window) -> bool:
        return True


class _Windows(WatchedVersion):
    """The windows of a champion in a backtest: no segments, and no profiles beside them."""

    def __init__(self, version: _Past) -> None:
        first = window_at(version.asked.since, version.watch.settings.window_s)
        begun = {first} if first.begin < version.asked.since else set()
        super().__init__(version, begun)  # what is there of it says nothing of how much is usual
        self.past, self.first = version, first
        self.maturing = _Labels(version)

    def check(self) -> None:
        """Check what is closed and was not checked, and measure where labels are complete."""
        watch, window = self.watch, self.first
        history = watch.diary.history()
        based = Fixing(self.version).based()
        while window.closes(watch.lateness_s) <= watch.now:
            if history.check(self.number, window) is None and self._table(window, ())[1]:
                self._check(based, window, ())
            window = Window(window.end, window.end + (window.end - window.begin))
        self.maturing.mature(watch.diary.history())

    def _table(self, window: Window, segments: Sequence[Segment]) -> tuple[Any, int]:
        import polars as pl

        found = self.past.captured(window.begin, window.end, labels=False).collect()
        inputs = [one for one in found.columns if one.startswith(("input.", "output."))]
        table = found.select(
            pl.col("id").alias(ID),
            pl.col("at").alias(AT),
            *(pl.col(one).alias(one.removeprefix("input.")) for one in inputs),
        )
        return table, table.height

    def _counted_before(
        self, kept: Kept, taken: judging.Taken, segments: Sequence[Segment]
    ) -> judging.Taken:
        return taken


def _seen(history: History, version: _Past) -> Looked:
    """Return the windows as they stood at the moment, whatever was written down since."""
    asked, metric = version.asked, version.watch.wish.metric if version.watch.wish else ""
    late = {key: one for key, one in history.matured().items() if one.at <= asked.now}
    windows = tuple(
        window_seen(one, late.get((one.version, one.window)), metric)
        for one in history.checks(version.number)
        if one.at <= asked.now
    )
    trusted = trust_of(history, version.number, metric)
    return Looked(windows, trusted.may_trigger, "" if trusted.may_trigger else trusted.why)
