"""Data as it arrives: columns and types, what monitoring has found broken, skew, repeated rows."""

from collections.abc import Iterator

from trueup.loop.guard.records import Finding, Limits
from trueup.loop.guard.rows import Known, Rows
from trueup.models.signature import Problem, Signature, check
from trueup.models.tables import as_table
from trueup.monitoring.broken.records import CheckName, Pipe
from trueup.monitoring.skew import skew_findings

_SHOWN = 5
_BEYOND = 2.0  # times the usual share, before more repeated rows are called a fault


def schema(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield what breaks the live version's signature, and a target that is not there."""
    if rows.target not in rows.table.columns:
        yield Finding(
            "schema", "the column to be predicted is missing", True,
            _mend(known, rows.target, "Write the truth into the table again"),
            column=rows.target, pipe=known.pipes.get(rows.target),
        )  # fmt: skip
    if known.signature is None:
        return
    for one in _breaking(known.signature, rows):
        yield Finding(
            "schema", one.says, True,
            _mend(known, one.field, "If it is meant, train the new kind of model by hand: "
                  "trueup run"),
            column=one.field, pipe=known.pipes.get(one.field), rows=one.rows,
            why="the signature of the version that is live",
        )  # fmt: skip


def _breaking(signature: Signature, rows: Rows) -> list[Problem]:
    """Return what keeps a model from predicting; what is merely unusual is monitoring's."""
    names = [one.name for one in signature.inputs if one.name in rows.table.columns]
    return [one for one in check(signature, as_table(rows.table.select(names))) if one.breaks]


def broken_data(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield what monitoring has found broken, once for all windows that show it."""
    seen: dict[tuple[CheckName, str], list[tuple[str, str, int, str]]] = {}
    for window in known.windows or ():
        for part in window.parts:
            told = (window.window, part.says, part.rows, part.mend)
            seen.setdefault((part.check, part.column), []).append(told)
    for (name, column), times in seen.items():
        first, says, _, mend = times[0]
        more = f", and in {len(times) - 1} more windows" if len(times) > 1 else ""
        pipe = known.pipes.get(column) or _pipe(mend)
        yield Finding(
            "broken_data",
            f"{column or 'the table'} ({name.replace('_', ' ')}): {says}, in {first}{more}",
            True, _mend(known, column, "Leave these windows out, or mend their rows", pipe),
            column=column, pipe=pipe, measured=float(len(times)), limit=0.0,
            why="monitoring calls a window broken by limits of its own",
            rows=sum(one[2] for one in times),
            examples=tuple(one[0] for one in times[:_SHOWN]),
        )  # fmt: skip


def skewed(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield each column that is served otherwise than the pipeline computes it."""
    for one in skew_findings(known.skew) if known.skew is not None else ():
        pipe = one.pipe or known.pipes.get(one.column)
        yield Finding(
            "skew", one.says, True,
            _mend(known, one.column, "Compute it in one place for both: trueup skew shows rows",
                  pipe),
            column=one.column, pipe=pipe, measured=one.measured, usual=one.usual,
            limit=one.limit, why=one.why, rows=one.rows, examples=one.examples,
        )  # fmt: skip


def duplicate_ids(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where an id is there twice, and whether its truths contradict each other."""
    import polars as pl

    if not rows.id or rows.id not in rows.table.columns:
        return
    ids = rows.table[rows.id]
    again = ids.is_not_null() & ~ids.is_first_distinct()
    repeated = int(again.sum())
    if not repeated:
        return
    which = ids.filter(again).unique(maintain_order=True)
    contrary = 0
    if rows.target in rows.table.columns:
        truths = rows.table.filter(pl.col(rows.id).is_in(which.implode())).group_by(rows.id)
        contrary = int(truths.agg(pl.col(rows.target).n_unique() > 1)[rows.target].sum())
    told = f"; {contrary:,} of these ids have truths that contradict each other" if contrary else ""
    yield Finding(
        "duplicate_ids",
        f"{repeated:,} of {len(ids):,} rows have an id that was there before{told}", True,
        _mend(known, rows.id, "Keep one row of each id"),
        column=rows.id, pipe=known.pipes.get(rows.id), measured=repeated / len(ids), usual=0.0,
        limit=0.0, why="an id names one row", rows=repeated,
        examples=tuple(str(one)[:64] for one in which.head(_SHOWN).to_list()),
    )  # fmt: skip


def duplicate_rows(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where more rows than usual are there before in every column but the id.

    Where the table has neither times nor a last training to compare with, rows may be alike by
    nature: then it is only told.
    """
    columns = [name for name in rows.table.columns if name != rows.id]
    if not columns or not rows.table.height:
        return
    repeated = rows.table.height - rows.table.select(columns).n_unique()
    before = known.before.repeated if known.before else None
    limit = max(limits.repeated_rows, _BEYOND * (before or 0.0))
    share = repeated / rows.table.height
    if share <= limit:
        return
    is_dated = bool(rows.time) and rows.time in columns
    yield Finding(
        "duplicate_rows",
        f"{repeated:,} of {rows.table.height:,} rows are there before in every column"
        + (f" but {rows.id}" if rows.id in rows.table.columns else ""),
        is_dated or before is not None,
        "Look whether a file was read twice, or a join has multiplied rows",
        measured=share, usual=before, limit=limit, rows=repeated,
        why="twice what the last training had, at least the share that is declared",
    )  # fmt: skip


def _mend(known: Known, column: str, rest: str, pipe: Pipe | None = None) -> str:
    pipe = pipe or known.pipes.get(column)
    return f"Mend {pipe.stage}, which makes {pipe.output}. {rest}" if pipe else rest


def _pipe(mend: str) -> Pipe | None:
    """Return the pipe that an event of monitoring tells in words."""
    stage, colon, output = mend.partition(": ")
    return Pipe(stage, output) if colon else None
