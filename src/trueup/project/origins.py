"""Which stage of the pipeline makes which column, as the tables that it has written say."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from trueup.monitoring.broken.records import Pipe
from trueup.project.workspace import Workspace

_TABLES = (".parquet", ".csv", ".tsv", ".arrow", ".feather", ".ipc")
_MOST = 64  # tables of a folder that are looked at


def origins(workspace: Workspace, columns: Iterable[str]) -> dict[str, Pipe]:
    """Return, of the columns that are found, the first stage with a table that has them.

    Only tables that lie in this checkout are looked at, and of these only the names.
    """
    wanted, found = set(columns), dict[str, Pipe]()
    for stage, output, path in tables(workspace):
        for name in wanted.intersection(names_of(path)):
            found.setdefault(name, Pipe(stage, output))
        if len(found) == len(wanted):
            break
    return found


def tables(workspace: Workspace) -> Iterator[tuple[str, str, Path]]:
    """Yield the stage, the output and the file of each table, in the order of the pipeline."""
    for name, stage in workspace.graph.stages.items():
        for out in stage.outs:
            whole = workspace.root / out.path
            inside = sorted(whole.rglob("*"))[:_MOST] if whole.is_dir() else [whole]
            for path in inside:
                if path.suffix.lower() in _TABLES and path.is_file():
                    yield name, path.relative_to(workspace.root).as_posix(), path


def names_of(path: Path) -> tuple[str, ...]:
    """Return a table's columns; of one that cannot be read, none."""
    import polars as pl

    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            return tuple(pl.read_parquet_schema(path))
        if suffix in (".csv", ".tsv"):
            separator = "\t" if suffix == ".tsv" else ","
            return tuple(pl.read_csv(path, separator=separator, n_rows=0).columns)
        return tuple(pl.read_ipc_schema(path))
    except (pl.exceptions.PolarsError, OSError):
        return ()
