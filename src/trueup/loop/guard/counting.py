"""Whether there is enough to learn from: rows, of each class, of groups."""

from collections.abc import Iterator

from trueup.loop.guard.records import Finding, Limits
from trueup.loop.guard.rows import CLASSES, Known, Rows, class_names

_SHOWN = 5


def enough_rows(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where rows with a truth are few, or far fewer than the last time."""
    if rows.target not in rows.table.columns:
        return
    count = rows.table.height - rows.table[rows.target].null_count()
    before = known.before.rows if known.before else 0
    least = max(limits.least_rows, before / limits.shrunk)
    if count >= least:
        return
    is_shrunk = before / limits.shrunk > limits.least_rows
    yield Finding(
        "rows",
        f"{count:,} rows have a truth" + (f", where the last training had {before:,}"
                                          if is_shrunk else ""),
        True, "Wait for labels, or look where rows have gone",
        measured=float(count), usual=float(before) if before else None, limit=float(least),
        why=f"less than the last training's by a factor of {limits.shrunk:g}" if is_shrunk
        else "fewer tell nothing apart", rows=count,
    )  # fmt: skip


def enough_of_each_class(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield classes with few rows, classes that are gone, and names that no class had before."""
    if rows.target not in rows.table.columns:
        return
    if rows.task not in CLASSES:
        values = rows.table[rows.target].drop_nulls()
        if len(values) and values.n_unique() == 1:
            says = f"all {len(values):,} truths are {str(values[0])[:64]}"
            yield _of_class(rows, known, says, (1.0, 2.0), "nothing can be learnt from one value")
        return
    counts = class_names(rows.table, rows.target)
    before = known.before.classes if known.before else {}
    for name in sorted({*counts, *before}, key=lambda one: (counts.get(one, 0), one))[:_SHOWN]:
        found = counts.get(name, 0)
        if before and name not in before:
            says = f"{found:,} rows are of the class {name[:64]!r}, which the last training lacked"
            why = "a new class is a new question"
            yield _of_class(rows, known, says, (float(found), 0.0), why)
        elif found < limits.least_of_class:
            says = f"{found:,} rows are of the class {name[:64]!r}"
            limit = (float(found), float(limits.least_of_class))
            yield _of_class(rows, known, says, limit, "fewer say little of a class")
    if len(counts) == 1:
        only = f"all rows are of the class {next(iter(counts))[:64]!r}"
        yield _of_class(rows, known, only, (1.0, 2.0), "there must be two classes to tell apart")


def _of_class(
    rows: Rows, known: Known, says: str, measured: tuple[float, float], why: str
) -> Finding:
    return Finding(
        "classes", says, True,
        "Wait for labels of it, or mend what says them; if it is meant, train by hand: trueup run",
        column=rows.target, pipe=known.pipes.get(rows.target), measured=measured[0],
        limit=measured[1], why=why,
    )  # fmt: skip


def enough_groups(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where rows are of few groups: they stand and fall together."""
    if not rows.group or rows.group not in rows.table.columns:
        return
    count = rows.table[rows.group].n_unique()
    if count >= limits.least_groups:
        return
    yield Finding(
        "groups", f"all rows are of {count} groups", True,
        "Wait for rows of more groups, or look where the others have gone",
        column=rows.group, pipe=known.pipes.get(rows.group), measured=float(count),
        limit=float(limits.least_groups), why="the gate asks for as many to judge by",
    )  # fmt: skip
