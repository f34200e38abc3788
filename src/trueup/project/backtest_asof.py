"""Whether what the pipeline made as of a moment holds rows of later: asked after each retrain."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.config.model_entries import ModelEntry
from trueup.delivery.scanning import Unreadable, columns_of, tables_in
from trueup.delivery.training import training_of
from trueup.loop.backtest.asof import Made, require_past
from trueup.project.backtest_rows import ARRIVALS, ARRIVED
from trueup.project.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl


def check_tables(workspace: Workspace, model: str, now: datetime, home: Path) -> None:
    """Raise FromTheFuture where evaluation rows or rows that were trained on are of later.

    A row is of later by its time; or by its label, where the history knows when that arrived.
    """
    import polars as pl

    entry: ModelEntry = workspace.project.models[model]
    evaluate = entry.evaluate
    assert evaluate is not None  # noqa: S101 - declared has looked
    arrived = pl.read_parquet(home / ARRIVALS, columns=[evaluate.id, ARRIVED])
    known = arrived.select(id=evaluate.id, arrived=ARRIVED).drop_nulls()
    for path in _read(workspace, entry):
        if not (workspace.root / path).exists():
            continue
        for table in tables_in(workspace.root, path):
            shown = table.relative_to(workspace.root).as_posix()
            made = Made(workspace.graph.producer(path) or "", shown)
            found = _columns(table, [evaluate.time, evaluate.id, evaluate.target])
            if found is not None:
                require_past(made, _named(found, entry), evaluate.time, now, known)


def _read(workspace: Workspace, entry: ModelEntry) -> list[str]:
    """Return the tables of evaluation, and those that a model was trained on.

    What training stages read counts as far as stages have made it: what lies in the project as it
    is, is of no moment, and they are to take from it what was known.
    """
    evaluate = entry.evaluate
    assert evaluate is not None  # noqa: S101 - declared has looked
    if entry.seen:
        return [evaluate.data, *entry.seen]
    graph = workspace.graph
    training = training_of(graph, entry.path, evaluate.data)
    return [evaluate.data, *(one for one in training.reads if graph.producer(one))]


def _columns(table: Path, names: list[str]) -> "pl.DataFrame | None":
    try:
        return columns_of(table, list(dict.fromkeys(names)))
    except Unreadable:
        return None


def _named(found: "pl.DataFrame", entry: ModelEntry) -> "pl.DataFrame":
    import polars as pl

    evaluate = entry.evaluate
    assert evaluate is not None  # noqa: S101 - declared has looked
    if not {evaluate.id, evaluate.target} <= set(found.columns):
        return found
    return found.with_columns(
        pl.col(evaluate.id).cast(pl.String).alias("id"),
        pl.col(evaluate.target).is_not_null().alias("labelled"),
    )
