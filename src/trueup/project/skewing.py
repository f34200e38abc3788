"""The verb skew: what was served compared with what the pipeline computes for the same ids."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.errors import TrueupError, WrongUsage
from trueup.monitoring.watching.counting import AT, ID
from trueup.monitoring.watching.events import Compared
from trueup.project.workspace import Workspace
from trueup.reporting.blocks import Report

if TYPE_CHECKING:
    import polars as pl

    from trueup.config.model_entries import ModelEntry, SkewEntry
    from trueup.monitoring.broken.records import Finding
    from trueup.monitoring.skew import Skew, SkewLimits
    from trueup.registry.names import VersionName

_SHADOW = "shadow"
_MOST_TOLD = 20  # columns


class SkewOptions(msgspec.Struct, frozen=True):
    """What is compared with what, and how much may differ."""

    table: str = ""  # else evaluate.data, or the stages' output that has most of the ids
    id: str = ""  # else evaluate.id
    time: str = ""  # else evaluate.time, where the table has it
    columns: tuple[str, ...] = ()  # all that both have
    since: datetime | None = None
    until: datetime | None = None
    share: float = 0.001
    relative: float = 1e-6
    absolute: float = 0.0


class Skewed(msgspec.Struct, frozen=True):
    """What was found, of which model and against which table."""

    model: str
    table: str
    found: "Skew"

    def report(self) -> Report:
        """Return it as a report."""
        from trueup.monitoring.skew_report import skew_report

        return skew_report(self.found, self.model, self.table)

    def record(self) -> dict[str, Any]:
        """Return it as what JSON shows."""
        from trueup.monitoring.skew_report import skew_record

        return skew_record(self.found, self.model, self.table)


def skew(workspace: Workspace, name: str, options: SkewOptions | None = None) -> Skewed:
    """Join a model's captured inputs by id with a table of the pipeline, and compare them.

    Rows that only a shadow answered, and what was refused, are left out. Raises WrongUsage where
    nothing was captured, or no table has any of the ids.
    """
    from trueup.captures.reading import require_polars
    from trueup.monitoring.skew import SkewLimits, piped_skew
    from trueup.monitoring.skew import skew as compared
    from trueup.project.capturing import rules_for
    from trueup.project.origins import origins
    from trueup.project.registering import named

    require_polars()
    options = options or SkewOptions()
    version = named(workspace, name)
    served = _served(workspace, version, options)
    where, computed = _computed(workspace, version.model, served, options)
    rules = rules_for(workspace, version.model)
    limits = SkewLimits(options.relative, options.absolute, options.share, redact=rules.redact)
    found = compared(served, computed, limits)
    stages = origins(workspace, [one.name for one in found.columns if one.different])
    return Skewed(version.model, where, piped_skew(found, stages))


class WindowSkew:
    """What is served in windows, compared with the table that ``monitor.skew`` names.

    The table is read once, by the first window that asks.
    """

    def __init__(self, workspace: Workspace, entry: "ModelEntry") -> None:
        """Take what trueup.yaml says of a model that names a table."""
        self._workspace, self._entry = workspace, entry
        self._table: pl.DataFrame | None = None

    def compare(self, table: Any, rows: int) -> "tuple[Compared, tuple[Finding, ...]]":
        """Return what of a window's captures differs, and what of it is broken.

        Where nothing can be compared yet, as the table lacks the ids, that is said: it breaks
        nothing.
        """
        from trueup.monitoring.skew import skew, skew_findings

        named = self._entry.monitor.skew if self._entry.monitor else None
        assert named is not None  # noqa: S101 - nobody makes one otherwise
        try:
            served = self._served(table, named)
            found = skew(served, self._rows(named), self._limits(named))
        except TrueupError as error:
            return Compared(named.table, why=error.problem), ()
        different = {one.name: one.different for one in found.columns if one.different}
        told = dict(list(different.items())[:_MOST_TOLD])
        absent = rows - served.height
        return Compared(named.table, found.rows, absent, told), skew_findings(found)

    def _limits(self, named: "SkewEntry") -> "SkewLimits":
        from trueup.monitoring.skew import SkewLimits

        redact = self._entry.serve.capture.redact
        return SkewLimits(named.relative, named.absolute, named.share, redact=redact)

    def _rows(self, named: "SkewEntry") -> "pl.DataFrame":
        if self._table is None:
            from trueup.delivery.tables import column, read_table

            evaluate = self._entry.evaluate
            name = named.id or (evaluate.id if evaluate else "")
            frame = read_table(self._workspace.root / named.table, named.table)
            column(frame, name, "monitor.skew.id" if named.id else "evaluate.id", named.table)
            self._table = _shaped(frame, name, "")
        return self._table

    def _served(self, table: Any, named: "SkewEntry") -> "pl.DataFrame":
        """Return the rows whose ids the table has, with the inputs that it has."""
        import polars as pl

        computed = self._rows(named)
        wanted = named.columns or tuple(computed.columns)
        chosen = [
            name
            for name in table.collect_schema().names()
            if name in wanted and name in computed.columns and name not in (AT, ID, "id", "at")
        ]
        ids = computed.lazy().select(pl.col("id").cast(pl.String).alias(ID))
        found: pl.DataFrame = (
            table.lazy().select(ID, AT, *chosen).join(ids, on=ID, how="semi").collect()
        )
        if not found.height:
            raise WrongUsage(
                f"none of the window's ids is in {named.table}",
                remedy="Let the pipeline compute these rows before the window closes",
            )
        return found.rename({ID: "id", AT: "at"})


def skewing_of(workspace: Workspace, model: str) -> WindowSkew | None:
    """Return what compares a model's windows; None where it names no table to compare with."""
    from trueup.project.loading import entry_of

    entry = entry_of(workspace, model)
    named = entry.monitor and entry.monitor.skew
    return WindowSkew(workspace, entry) if named else None


def _served(workspace: Workspace, version: "VersionName", options: SkewOptions) -> "pl.DataFrame":
    """Return the captured inputs under their own names."""
    import polars as pl

    from trueup.captures import reading
    from trueup.captures.finding import Span
    from trueup.captures.frames import INPUT
    from trueup.project.registering import resolve

    number = version.version
    if version.alias:
        number = resolve(workspace, str(version)).version.version
    span = Span(options.since, options.until, number)
    frame = reading.captures(workspace.bucket, version.model, span, labels=False)
    names = frame.collect_schema().names()
    inputs = {one: one.removeprefix(INPUT) for one in names if one.startswith(INPUT)}
    wanted = {
        one: name
        for one, name in inputs.items()
        if name not in ("id", "at") and (not options.columns or name in options.columns)
    }
    _require_columns(options, set(inputs.values()), version.model)
    found = (
        frame.filter(pl.col("role") != _SHADOW)
        .select("id", "at", *(pl.col(one).alias(name) for one, name in wanted.items()))
        .collect()
    )
    if not found.height:
        raise WrongUsage(
            f"nothing is captured of {version}",
            remedy="Serve it, or take what was served elsewhere: trueup captures import",
        )
    return found.sort("at", maintain_order=True)


def _require_columns(options: SkewOptions, inputs: set[str], model: str) -> None:
    from trueup.errors import did_you_mean

    for name in options.columns:
        if inputs and name not in inputs:
            raise WrongUsage(
                f"no capture of {model} has an input {name!r}",
                remedy=f"{did_you_mean(name, inputs)}Name inputs of the model",
            )


def _computed(
    workspace: Workspace, model: str, served: "pl.DataFrame", options: SkewOptions
) -> "tuple[str, pl.DataFrame]":
    """Return the table to compare with, and what it is called."""
    from trueup.delivery.tables import column, read_table

    entry = workspace.project.models.get(model.partition("/")[2])
    evaluate = entry.evaluate if entry else None
    name = options.id or (evaluate.id if evaluate else "")
    time = options.time or (evaluate.time if evaluate else "")
    if not name:
        raise WrongUsage(
            f"it is not known which column of a table has the ids of {model}",
            remedy="Name it: --id COLUMN, or evaluate: {id: COLUMN} under the model",
        )
    if options.table:
        frame = read_table(workspace.start / options.table, options.table)
        column(frame, name, "--id" if options.id else "evaluate.id", options.table)
        if options.time:
            column(frame, options.time, "--time", options.table)
        return options.table, _shaped(frame, name, time)
    declared = evaluate.data if evaluate else ""
    found = _most(workspace, served, name, declared)
    if found is None:
        raise WrongUsage(
            f"no table of the pipeline has any of the ids that {model} was served with",
            remedy="Name the table that your pipeline makes of these rows: --table PATH",
        )
    return found, _shaped(read_table(workspace.root / found, found), name, time)


def _most(workspace: Workspace, served: "pl.DataFrame", name: str, declared: str) -> str | None:
    """Return the table that has most of the served ids; the declared one, if it has any."""
    from trueup.delivery.tables import read_table
    from trueup.project.origins import names_of, tables

    places = [declared] if declared and (workspace.root / declared).is_file() else []
    places += [output for _, output, _ in tables(workspace) if output not in places]
    ids, best, most = served["id"].unique(), None, 0
    for place in places:
        columns = names_of(workspace.root / place)
        if name not in columns or not set(columns) & (set(served.columns) - {"id", "at"}):
            continue
        count = _common(read_table(workspace.root / place, place)[name], ids)
        if count > most:
            best, most = place, count
            if place == declared:
                break
    return best


def _common(column: "pl.Series", ids: "pl.Series") -> int:
    import polars as pl

    return int(column.cast(pl.String).is_in(ids.implode()).sum())


def _shaped(frame: "pl.DataFrame", name: str, time: str) -> "pl.DataFrame":
    """Return a table with its ids as ``id`` and its times, where it has them, as ``at``."""
    import polars as pl

    others = frame.drop(name, *[one for one in ("id", "at") if one in frame.columns], strict=False)
    shaped = others.with_columns(frame[name].alias("id"))
    if time in frame.columns:
        at = frame[time].alias("at")
        if at.dtype == pl.String:
            at = at.str.to_datetime(strict=False, time_zone="UTC")
        shaped = shaped.with_columns(at)
    return shaped
