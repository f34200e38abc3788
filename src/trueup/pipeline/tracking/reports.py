"""Runs and differences as reports."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from trueup.pipeline.tracking.comparing import ABSENT, Row
from trueup.pipeline.tracking.filters import value_of
from trueup.pipeline.tracking.flat import named
from trueup.pipeline.tracking.listing import Run
from trueup.pipeline.tracking.records import StageDone
from trueup.pipeline.tracking.runs import RunDetail
from trueup.pipeline.tracking.spool import Point
from trueup.reporting.blocks import Block, Cell, Column, Report, Table, Text
from trueup.reporting.wording import duration, moment, size

_USUAL = ("id", "status", "at", "seconds", "commit", "branch")
_METRICS_SHOWN = 6
_HEADINGS = {"id": "run", "seconds": "took", "at": "started"}


def usual_columns(runs: Iterable[Run]) -> tuple[str, ...]:
    """Return the columns to show where none were asked for: the commonest metrics come last."""
    counts = Counter(name for run in runs for name in named(run.metrics))
    return (*_USUAL, *(f"metrics.{name}" for name, _ in counts.most_common(_METRICS_SHOWN)))


def runs_report(runs: Sequence[Run], columns: Sequence[str] = ()) -> Report:
    """Return a table of runs under the columns, or under the usual ones."""
    columns = columns or usual_columns(runs)
    table = Table(
        tuple(_run_column(column, runs) for column in columns),
        tuple(tuple(_run_cell(run, column) for column in columns) for run in runs),
        empty="no runs",
    )
    return Report("", (table,))


def detail_report(detail: RunDetail) -> Report:
    """Return one run in full."""
    run, ended = detail.run, detail.ended
    blocks: list[Block] = [_facts(detail)]
    if detail.stages:
        blocks.append(_stages(detail.stages))
    for title, files in (("Metrics", run.metrics), ("Parameters", run.params)):
        values = named(files)
        if values:
            cells = tuple((name, _plain(value)) for name, value in values.items())
            blocks.append(Table((Column("name"), Column("value", "number")), cells, title))
    if detail.curves:
        blocks.append(_curves(detail))
    if ended and ended.error:
        blocks.append(Text(f"Error: {ended.error}"))
    for stage, tail in detail.tails.items():
        blocks += [Text(f"The last that {stage} printed:"), Text(tail, verbatim=True)]
    return Report(f"Run {run.id}", tuple(blocks))


def differences_report(title: str, rows: Sequence[Row], sides: Sequence[str]) -> Report:
    """Return differences, one table for each section; two sides also show change and ratio."""
    sections = dict.fromkeys(row.section for row in rows)
    tables = [
        _differences(section, [row for row in rows if row.section == section], sides)
        for section in sections
    ]
    return Report(title, tuple(tables) or (Text("nothing differs"),))


def differences_records(rows: Sequence[Row], sides: Sequence[str]) -> list[dict[str, Any]]:
    """Return differences as records for programs; a side without the value is left out."""
    return [
        {
            "section": row.section,
            **({"file": row.file} if row.file else {}),
            "name": row.name,
            "values": {
                side: value
                for side, value in zip(sides, row.values, strict=True)
                if value is not ABSENT
            },
            **({"change": row.change} if row.change is not None else {}),
            **({"relative": row.relative} if row.relative is not None else {}),
        }
        for row in rows
    ]


def _run_column(column: str, runs: Sequence[Run]) -> Column:
    numbers = any(_is_number(value_of(run, column)) for run in runs)
    kind = "number" if numbers and column != "seconds" else "text"
    name = _HEADINGS.get(column, column.removeprefix("metrics.").removeprefix("params."))
    return Column(name, "number" if kind == "number" else "text")


def _run_cell(run: Run, column: str) -> Cell:
    if column == "commit" and run.commit:
        return run.commit[:8] + ("+" if run.dirty else "")
    value = value_of(run, column)
    if column == "seconds":
        return None if value is None else duration(value)
    return None if value in (None, "") else _plain(value)


def _facts(detail: RunDetail) -> Table:
    run, begun = detail.run, detail.started
    changed = " with changes not committed" if run.dirty else ""
    facts: dict[str, str] = {
        "status": run.status,
        "started": moment(run.at),
        "took": "" if run.seconds is None else duration(run.seconds),
        "project": run.project,
        "commit": f"{run.commit}{changed}" if run.commit else "",
        "branch": run.branch,
    }
    if begun:
        where = begun.environment
        facts |= {
            "command": " ".join(begun.command),
            "targets": " ".join(begun.targets),
            "parent": begun.parent,
            "user": "@".join(part for part in (where.user, where.host) if part),
            "python": where.python,
            "platform": where.platform,
            "packages": f"{where.lock} {where.lock_digest[:12]}".strip(),
        }
    return Table((Column("what"), Column("value")), tuple((k, v) for k, v in facts.items() if v))


def _stages(stages: Sequence[StageDone]) -> Table:
    columns = (
        Column("stage"),
        Column("outcome"),
        Column("took"),
        Column("memory"),
        Column("why"),
    )
    rows = tuple(
        (
            stage.stage,
            stage.outcome + (f" ({stage.exit_code})" if stage.exit_code else ""),
            duration(stage.seconds) if stage.seconds else None,
            size(stage.peak_memory_bytes) if stage.peak_memory_bytes else None,
            stage.error or "; ".join(map(_reason, stage.reasons)),
        )
        for stage in stages
    )
    return Table(columns, rows, "Stages")


def _reason(reason: dict[str, Any]) -> str:
    """Return a reason as its sentence; one that a newer trueup wrote, by its kind."""
    from trueup.pipeline.reasons import Reason

    try:
        return msgspec.convert(reason, Reason).text
    except msgspec.ValidationError:
        return str(reason.get("kind", "unknown")).replace("_", " ")


def _curves(detail: RunDetail) -> Table:
    columns = (
        Column("stage"),
        Column("curve"),
        Column("points", "number"),
        *(Column(name, "number") for name in ("first", "last", "least", "most")),
    )
    rows = tuple(
        (c.stage, c.name, c.count, c.first, c.last, c.least, c.most) for c in detail.curves
    )
    return Table(columns, rows, "Curves")


def _differences(section: str, rows: Sequence[Row], sides: Sequence[str]) -> Table:
    several = len({row.file for row in rows}) > 1
    numbers = section in ("metrics", "params")
    head = [Column("file")] if several else []
    head.append(Column("name"))
    head += [Column(side, "number" if numbers else "text") for side in sides]
    pair = len(sides) == 2 and any(row.change is not None for row in rows)
    if pair:
        head.append(Column("change", "number", sign=True))
        head.append(Column("relative", "number", unit="%", digits=3, sign=True))
    return Table(
        tuple(head), tuple(_difference(row, several, pair) for row in rows), section.capitalize()
    )


def _difference(row: Row, several: bool, pair: bool) -> tuple[Cell, ...]:
    cells: list[Cell] = [row.file] if several else []
    cells.append(row.name)
    short = row.section == "artifacts"
    for value in row.values:
        cells.append(value[:12] if short and isinstance(value, str) else _plain(value))
    if pair:
        cells += [row.change, None if row.relative is None else row.relative * 100]
    return tuple(cells)


def _plain(value: Any) -> Cell:
    if value is ABSENT:
        return None
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime):
        return moment(value)
    return msgspec.json.encode(value).decode()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def points_report(points: Sequence[Point]) -> Report:
    """Return every point as a row; a curve that a point does not hold is a dash there."""
    curves = tuple(dict.fromkeys(name for point in points for name in point.values))
    columns = (Column("stage"), Column("step", "number"), *(Column(c, "number") for c in curves))
    rows = tuple(
        (point.stage, point.step, *(point.values.get(curve) for curve in curves))
        for point in points
    )
    return Report("", (Table(columns, rows, empty="no points"),))
