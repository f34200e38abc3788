"""The guard before a retrain: makes the tables that would be learned from, and looks at them."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trueup.captures.finding import Span
from trueup.config.loop_entries import AftermathEntry
from trueup.config.model_entries import LabelsEntry, ModelEntry
from trueup.config.paths import normal
from trueup.delivery.tables import SUFFIXES
from trueup.delivery.training import training_of
from trueup.errors import TrueupError
from trueup.loop.events import Decided, Finding
from trueup.loop.layout import log_prefix
from trueup.loop.ports import GuardVerdict
from trueup.monitoring.watching.history import Diary
from trueup.project.retraining import Here
from trueup.project.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

    from trueup.loop.guard.records import Guarded
    from trueup.loop.guard.rows import Known, Rows


class DataGuard:
    """Looks at the rows that the pipeline makes for a decision, before anything is trained on."""

    def __init__(self, workspace: Workspace, entry: ModelEntry, here: Here) -> None:
        self._workspace, self._entry, self._here = workspace, entry, here

    def check(self, decided: Decided) -> GuardVerdict:
        """Return whether the rows may be learned from; the whole verdict is kept in the bucket.

        Rows that cannot be looked at stop nothing by themselves: that is said among the findings.
        """
        from trueup.loop.guard.guarding import guard
        from trueup.loop.guard.reading import before_of
        from trueup.loop.guard.records import encode_guarded

        rows, why = self._rows(decided)
        if rows is None:
            says = f"the rows were not looked at: {why}"
            return GuardVerdict("pass", (Finding("rows", says),))
        found = msgspec.structs.replace(
            guard(rows, self._known(decided, rows)),
            model=decided.model,
            decision=decided.decision,
            learnt=before_of(rows),
        )
        key = f"{log_prefix(decided.model)}/guard/{decided.decision}.json"
        self._workspace.bucket.put(key, encode_guarded(found), sync=True)
        return _verdict(found, key)

    def _rows(self, decided: Decided) -> "tuple[Rows | None, str]":
        """Return the rows with what was captured of them, or why there are none to look at."""
        from trueup.delivery.tables import read_table
        from trueup.loop.guard.rows import Rows

        evaluate = self._entry.evaluate
        if evaluate is None or not evaluate.target or self._entry.task is None:
            return None, "the model has no task, or no evaluate: that names the target"
        paths = self._tables()
        failed = self._here.make(decided, paths)
        if failed:
            return None, failed
        there = [one for one in paths if (self._workspace.root / one).is_file()]
        for path in there:
            table = read_table(self._workspace.root / path, path)
            if evaluate.target in table.columns:
                break
        else:
            return None, f"no table that is trained on has the column {evaluate.target}"
        time, table = _timed(table, _there(evaluate.time, table), path)
        return Rows(
            table=table,
            target=evaluate.target,
            task=self._entry.task,
            now=decided.cause.as_of,
            id=_there(evaluate.id, table),
            time=time,
            group=_there(evaluate.group, table),
            captured=self._captured(decided),
        ), ""

    def _tables(self) -> list[str]:
        """Return the tables that the model is trained on, as seen: or the pipeline tells."""
        root, evaluate = str(self._workspace.root), self._entry.evaluate
        if self._entry.seen:
            return [normal(path, ".", root) for path in self._entry.seen]
        graph, path = self._workspace.graph, normal(str(self._entry.path), ".", root)
        judged = evaluate.data or evaluate.predictions if evaluate else ""
        found = training_of(graph, path, normal(judged, ".", root))
        maker = graph.producer(path)
        last = [one.path for one in graph.stages[maker].deps] if maker else []
        first = [one for one in last if one in found.reads]  # what it learns from, not its sources
        order = dict.fromkeys((*first, *reversed(found.reads)))
        return [one for one in order if Path(one).suffix in SUFFIXES]

    def _captured(self, decided: Decided) -> "pl.DataFrame | None":
        from trueup.loop.guard.reading import captured_at

        now = decided.cause.as_of
        try:
            found = captured_at(self._workspace.bucket, decided.model, Span(until=now), now)
        except TrueupError:
            return None  # nothing was captured, or nothing that can be joined
        return found if found.height else None

    def _known(self, decided: Decided, rows: "Rows") -> "Known":
        from trueup.loop.guard.reading import broken_windows
        from trueup.loop.guard.rows import Known
        from trueup.project.knowing import (
            last_training,
            served_otherwise,
            signature_of,
            usual_error_of,
            without_skew,
        )
        from trueup.project.origins import origins

        workspace, monitor, number = self._workspace, self._entry.monitor, decided.champion
        watched = Diary(workspace.bucket, decided.model, decided.environment).history()
        span = Span(_first(rows), decided.cause.as_of)
        after = self._entry.loop.aftermath if self._entry.loop else AftermathEntry()
        known = Known(
            pipes=origins(workspace, rows.table.columns),
            labels=monitor.performance.labels if monitor else LabelsEntry(),
            own=(decided.model, *(f"{decided.model}/{one}" for one in range(1, (number or 0) + 1))),
            before=last_training(workspace.bucket, decided),
            influences=after.influences,
            actions=after.actions,
        )
        if number is None:
            return known
        windows = broken_windows(watched, number, span)
        return replace(
            known,
            windows=None if windows is None else without_skew(windows),
            skew=served_otherwise(watched.checks(number), span),
            signature=signature_of(workspace, decided.model, number),
            usual_error=usual_error_of(workspace, decided.model, number),
        )


def _timed(table: "pl.DataFrame", column: str, path: str) -> "tuple[str, pl.DataFrame]":
    """Return a table whose times are times, as text is in CSV; no column where they are none."""
    from trueup.delivery.row_times import row_times

    try:
        return column, table.with_columns(row_times(table[column], path)) if column else table
    except TrueupError:
        return "", table


def _there(column: str, table: "pl.DataFrame") -> str:
    return column if column in table.columns else ""


def _first(rows: "Rows") -> datetime | None:
    if not rows.time:
        return None
    first = rows.table[rows.time].min()
    if not isinstance(first, datetime):
        return None
    return first if first.tzinfo else first.replace(tzinfo=UTC)


def _verdict(found: "Guarded", key: str) -> GuardVerdict:
    findings = tuple(
        Finding(one.check, f"{one.says}. {one.remedy}", one.stops, one.column, one.mend)
        for one in found.findings
    )
    return GuardVerdict("pass" if found.go else "stop", findings, key)
