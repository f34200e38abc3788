"""The verb predict: a table in, predictions out, captured as a server's are."""

import os
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

import trueup
from trueup.captures.reading import require_polars
from trueup.captures.records import rules_of
from trueup.errors import WrongUsage
from trueup.project.loading import Asked, entry_of
from trueup.project.opening import Opener
from trueup.project.registering import chosen_environment, named, registry_of, stamp_of
from trueup.project.workspace import Workspace, prepare_own_folder
from trueup.reporting.blocks import Block, Column, Report, Table, Text
from trueup.serving.batch.places import Here
from trueup.serving.batch.running import Order, Predicted, Setting, score
from trueup.serving.batch.tables import Sizes

if TYPE_CHECKING:
    import polars as pl

_PARTITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=:+-]{0,99}")
_PLACE = "{partition}"


class Wanted(msgspec.Struct, frozen=True):
    """By which version a table is scored, and how."""

    name: str  # [PROJECT/]MODEL[@ALIAS|/N]
    given: str
    out: str
    rejected: str = ""
    partition: str = ""
    id: str = ""
    at: str = ""
    most_rejected: float = 0.01
    replace: bool = False
    environment: str = ""
    override: bool = False
    why: str = ""


def predict(
    workspace: Workspace,
    wanted: Wanted,
    tell: Callable[[str], None] = lambda text: None,
    sizes: Sizes | None = None,
) -> Predicted:
    """Score a table by a version and return what became of it.

    Raises Refused for a version that may not be used there, DataBroken where more rows are
    rejected than is allowed; then nothing is written or captured.
    """
    require_polars()
    order = _order(wanted)
    environment = chosen_environment(workspace, wanted.environment)
    name = named(workspace, wanted.name)
    found = registry_of(workspace).resolve(name, environment)
    entry = entry_of(workspace, name.model)
    asked = Asked(environment, "predict", override=wanted.override, why=wanted.why)
    served = Opener(workspace, asked).served(name, found)
    stamp = stamp_of(workspace)
    setting = Setting(
        served=served,
        here=Here(workspace.root, workspace.start, workspace.env),
        bucket=workspace.bucket,
        work=prepare_own_folder(workspace.root) / "predict",
        rules=rules_of(entry.serve.capture),
        environment=environment,
        strict=entry.serve.strict,
        exact=name.version is not None,
        by=str(stamp.by),
        at=stamp.at,
        release=trueup.__version__,
        tell=tell,
        sizes=sizes or Sizes(),
    )
    usual = entry.evaluate.id if entry.evaluate else ""
    return score(setting, msgspec.structs.replace(order, usual_id=usual))


def predict_table(
    workspace: Workspace, name: str, table: Any, out: str | None, **wanted: Any
) -> "Predicted | pl.DataFrame":
    """Score a table that may be in memory; without out, return the predictions as a frame."""
    require_polars()
    import polars as pl

    with TemporaryDirectory(dir=prepare_own_folder(workspace.root), prefix="predict-") as scratch:
        if isinstance(table, str | os.PathLike):
            given = os.fspath(table)
        else:
            given = str(Path(scratch, "table.arrow"))
            frame_of(table).write_ipc(given)
        if out is not None:
            return predict(workspace, Wanted(name, given, out, **wanted))
        place = Path(scratch, "predictions.arrow")
        predict(workspace, Wanted(name, given, str(place), **wanted))
        return pl.read_ipc(BytesIO(place.read_bytes()))


def report(done: Predicted) -> Report:
    """Return what became of a table, as text and tables."""
    model = f"{done.model}/{done.version}"
    if done.outcome == "nothing":
        said = f"nothing to do: {done.why}, by version {done.version}, in {done.out}"
        return Report(f"{model}, {done.partition}", (Text(said),))
    counted = done.counted
    title = f"{model}, {done.partition}" if done.partition else model
    said = (
        f"{counted.rows} rows predicted, {counted.rejected} rejected, {done.captured} captured,"
        f" in {done.seconds:.1f} s ({done.rows_per_s:,.0f} rows a second)"
    )
    if done.resumed:
        said += f"; {done.resumed} of them by an earlier call that was ended"
    blocks: list[Block] = [Text(said), Text(f"written to {done.out}")]
    flagged = tuple(
        (column, kind, rows)
        for column, kinds in counted.flagged.items()
        for kind, rows in kinds.items()
    )
    if flagged:
        columns = (Column("column"), Column("what"), Column("rows", "number"))
        blocks.append(Table(columns, flagged, title="unusual, and predicted all the same"))
    if done.reasons:
        columns = (Column("file"), Column("row", "number"), Column("why"))
        rows = tuple((file, row, why[:100]) for file, row, why in done.reasons)
        blocks.append(Table(columns, rows, title=f"rejected; all of them are in {done.rejected}"))
    return Report(title, tuple(blocks))


def frame_of(given: Any) -> "pl.DataFrame":
    """Return a table in memory as a polars frame: of polars, pandas, Arrow, or columns by name."""
    require_polars()
    import polars as pl

    if isinstance(given, pl.LazyFrame):
        return given.collect()
    if isinstance(given, pl.DataFrame):
        return given
    if hasattr(given, "iloc"):  # pandas, without asking for its pyarrow
        return pl.DataFrame(
            {str(name): _listed(given[name]) for name in given.columns}, strict=False
        )
    if hasattr(given, "__arrow_c_stream__") or isinstance(given, dict):
        return pl.DataFrame(given)
    raise WrongUsage(
        f"{type(given).__name__} is no table",
        remedy="Give a path or URL, or a table of polars, pandas or Arrow",
    )


def _listed(series: Any) -> Any:
    kind = getattr(series.dtype, "kind", "O")
    if kind in "biufM":
        return series.to_numpy()
    return [None if one is None or one != one else one for one in series.tolist()]


def _order(wanted: Wanted) -> Order:
    if wanted.partition and not _PARTITION.fullmatch(wanted.partition):
        raise WrongUsage(
            f"{wanted.partition[:80]!r} is no name of a partition",
            remedy="Give a day such as 2013-06-01, or letters, digits and . _ = : + -",
        )
    places = (wanted.given, wanted.out, wanted.rejected)
    if not wanted.partition and any(_PLACE in one for one in places):
        raise WrongUsage(f"{_PLACE} stands for --partition", remedy="Give it: --partition D")
    if not 0 <= wanted.most_rejected <= 1:
        raise WrongUsage(
            f"{wanted.most_rejected:g} is no share of rows", remedy="Give --max-rejected 0 to 1"
        )
    given, out, rejected = (one.replace(_PLACE, wanted.partition) for one in places)
    return Order(
        given, out, rejected, wanted.partition, wanted.id, at=wanted.at,
        most_rejected=wanted.most_rejected, replace=wanted.replace,
    )  # fmt: skip
