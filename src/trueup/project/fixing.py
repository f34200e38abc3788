"""The reference of a version: fixed when it is first watched, and written down."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.captures.finding import Span
from trueup.errors import TrueupError, WrongUsage
from trueup.monitoring.watching import basing
from trueup.monitoring.watching.events import Referenced
from trueup.monitoring.watching.history import History
from trueup.monitoring.watching.performing import encode_answers
from trueup.monitoring.watching.shelf import Kept
from trueup.project.referencing import Referential, captured_rows, evaluation_rows, source_of
from trueup.project.watch import Version
from trueup.project.weighing import Weights, weights_of

if TYPE_CHECKING:
    from trueup.monitoring.profiles.grids import Grid


class Fixing:
    """Gives a version its reference."""

    def __init__(self, version: Version) -> None:
        self.version = version

    def based(self) -> "tuple[int, Referenced, Kept]":
        """Return the version's reference, fixed now where it has none for these settings."""
        watch = self.version.watch
        history = watch.diary.history()
        there = history.reference(self.version.number)
        if there is None or not self._is_of_now(there[1]):
            stale = there[0] if there else 0
            wanted = self._referenced(history, there[1] if there else None)

            def decide(now: History) -> Referenced | None:
                known = now.reference(self.version.number)
                newer = known and known[0] > stale and self._is_of_now(known[1])
                return None if newer else wanted

            there = watch.diary.add(decide).reference(self.version.number)
            assert there is not None  # noqa: S101 - it was just written, or somebody else's is
        number, event = there
        kept = watch.shelf.kept(event.reference, event.threshold)
        return number, event, msgspec.structs.replace(kept, importance=event.importance)

    def _is_of_now(self, event: Referenced) -> bool:
        watch = self.version.watch
        asked = watch.reference is None or event.source == source_of(watch.reference)
        return asked and event.settings == watch.settings.digest and not self._is_forgotten(event)

    def _is_forgotten(self, event: Referenced) -> bool:
        """Say whether what its detectors knew was taken away, as rows of it were erased."""
        return bool(event.panel) and not self.version.watch.shelf.has(event.panel)

    def _referenced(self, history: History, before: Referenced | None) -> Referenced:
        watch, settings = self.version.watch, self.version.watch.settings
        forgotten = before is not None and self._is_forgotten(before)
        is_kept = before is not None and before.window_s == settings.window_s
        is_kept = is_kept and (watch.wish is None or bool(before and before.answers))
        is_kept = is_kept and not settings.detectors  # these look at rows, which are not kept
        if before is not None and is_kept and watch.reference is None:
            kept = watch.shelf.kept(before.reference, before.threshold)
            made = basing.calibrated(kept, settings)
            alone = msgspec.structs.replace(before, panel="")
            return self._event(made, alone, "other settings than before")
        span = watch.reference or _span(before)
        if span is not None:
            rows = captured_rows(watch.workspace, watch.model, self.version.found, span)
        else:
            rows = evaluation_rows(watch.workspace, watch.model, self.version.found)
        made = self._based_on(rows, history)
        drafted = self._drafted(rows, made)
        if settings.detectors:
            grid = made.kept.reference.grid.digest
            fixed = watch.detecting.fixed(grid, rows.table, settings, timed=rows.timed)
            made = msgspec.structs.replace(made, says=(*made.says, *fixed.says))
            drafted = msgspec.structs.replace(drafted, panel=fixed.panel)
        why = "first check of the version" if before is None else "other rows or windows"
        if forgotten:
            why = "rows were erased, and with them what detectors had kept"
        return self._event(made, drafted, why)

    def _based_on(self, rows: Referential, history: History) -> basing.Based:
        watch = self.version.watch
        grid = self._grid(history)
        try:
            return basing.based(rows.table, watch.settings, timed=rows.timed, grid=grid)
        except basing.ColumnsChanged as error:
            raise WrongUsage(
                f"{watch.model}/{self.version.number} cannot be watched: {error.problem}",
                remedy="Begin anew, with a grid and references of its own: trueup monitor rebase"
                f" {watch.model} --why REASON",
            ) from error

    def _drafted(self, rows: Referential, made: basing.Based) -> Referenced:
        """Return what an event says of the rows; what was answered of them is kept."""
        watch, key = self.version.watch, ""
        if watch.wish is not None and rows.answers is not None and rows.answers.height:
            key = watch.shelf.keep_answers(made.kept.reference, encode_answers(rows.answers))
        weights = self._weights(rows.table)
        return Referenced(
            at=watch.stamp.at, by="", version=self.version.number, digest="", grid="", reference="",
            basis=rows.basis, source=rows.source, left_out=rows.left_out, says=rows.says,
            classes=rows.classes, answers=key, importance=weights.importance,
            importance_by=weights.by,
        )  # fmt: skip

    def _weights(self, table: Any) -> Weights:
        """Return what columns count for the version; it may be that it cannot be loaded here."""
        watch, version = self.version.watch, self.version.found.version
        try:
            return weights_of(watch.workspace, watch.model, version, table)
        except TrueupError as error:
            return Weights(by=f"not known: {error.problem}"[:300])

    def _event(self, made: basing.Based, like: Referenced, why: str) -> Referenced:
        watch, reference = self.version.watch, made.kept.reference
        key = watch.shelf.keep_reference(reference, made.kept.habits)
        threshold = made.kept.threshold
        threshold_key = watch.shelf.keep_threshold(reference, threshold) if threshold else ""
        return msgspec.structs.replace(
            like,
            at=watch.stamp.at,
            by=str(watch.stamp.by),
            version=self.version.number,
            digest=self.version.found.version.model.digest,
            grid=reference.grid.digest,
            reference=key,
            threshold=threshold_key,
            settings=watch.settings.digest,
            window_s=watch.settings.window_s,
            rows=reference.rows,
            claimed=made.claimed,
            rate=made.says,
            why=why,
        )

    def _grid(self, history: History) -> "Grid | None":
        first = history.grid()
        if first is None:
            return None
        return self.version.watch.shelf.kept(first.reference, "").reference.grid


def _span(before: Referenced | None) -> Span | None:
    """Return the span of captures that a reference was made of; None for other rows."""
    if before is None or before.basis != "captures":
        return None
    since, _, until = before.source.removeprefix("captures:").partition("..")
    return Span(_moment(since), _moment(until))


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(f"{text}+00:00") if text else None
