"""The verb captures: look at what was served, export, import and erase it."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from trueup.captures.erasures import Erased, Exported, Order
from trueup.captures.exporting import Wish
from trueup.captures.finding import Span, segments_in
from trueup.captures.importing import Imported, Layout, Whose
from trueup.captures.layout import CAPTURES
from trueup.captures.reading import Extent, Refusals
from trueup.captures.records import Rules, rules_of
from trueup.errors import WrongUsage
from trueup.project.elsewhere_counting import environment_of, schemes
from trueup.project.registering import named, registry_of, stamp_of
from trueup.project.workspace import Workspace
from trueup.registry.names import ModelNotFound, VersionName
from trueup.reporting.blocks import Column, Report, Table, Text

if TYPE_CHECKING:
    import polars as pl

Chosen: TypeAlias = Sequence[str] | Mapping[str, str]
_DAY_S = 86_400


class Question(msgspec.Struct, frozen=True):
    """Which captures somebody wants to see."""

    since: datetime | None = None
    until: datetime | None = None
    version: int | None = None
    refusals: Refusals = "without"
    rows: int = 20


class Seen(msgspec.Struct, frozen=True):
    """How much there is, and the newest of it."""

    model: str
    extent: Extent
    frame: Any  # a polars frame


def look(workspace: Workspace, name: str, question: Question) -> Seen:
    """Return how much was captured of a model, and the newest rows with their labels."""
    from trueup.captures import reading

    version = _named(workspace, name)
    span = _span(version, question)
    frame = reading.newest(workspace.bucket, version.model, span, question.rows, question.refusals)
    return Seen(version.model, reading.extent(workspace.bucket, version.model, span), frame)


def frame(workspace: Workspace, name: str, question: Question) -> "pl.LazyFrame":
    """Return a model's captures with their labels, lazily."""
    from trueup.captures import reading

    version = _named(workspace, name)
    span = _span(version, question)
    return reading.captures(workspace.bucket, version.model, span, refusals=question.refusals)


def export(workspace: Workspace, name: str, out: Path, wish: Wish) -> Exported:
    """Write joined rows to a file for training, and record that it was written."""
    from trueup.captures import exporting

    version = _named(workspace, name)
    if version.version is not None:
        wish = msgspec.structs.replace(
            wish, span=msgspec.structs.replace(wish.span, version=version.version)
        )
    stamp = stamp_of(workspace)
    order = Order(str(stamp.by), stamp.at)
    return exporting.export(workspace.bucket, version.model, out, wish, order)


def import_table(
    workspace: Workspace, name: str, table: Path, layout: Layout, environment: str = ""
) -> Imported:
    """Take a table of predictions that were made elsewhere, and labels.

    Beside each segment its profile is kept, as a server does it, once monitoring has a grid.
    """
    from trueup.captures import importing
    from trueup.serving.profiling import Profiling

    version = _named(workspace, name)
    at = stamp_of(workspace).at
    where = environment_of(workspace, environment)
    whose = Whose(version.model, version.version or 0, _digest(workspace, version), at, where)
    beside = Profiling(workspace.bucket, schemes(workspace.bucket, where), _tell)
    kept = importing.Kept(rules_for(workspace, version.model), beside)
    return importing.import_table(workspace.bucket, whose, table, layout, kept)


def erase(workspace: Workspace, name: str, chosen: Chosen, why: str) -> Erased:
    """Remove a person's rows, and say which versions were trained on them.

    What monitoring's detectors have kept of rows goes along: the next check begins them anew.
    """
    from trueup.captures import erasing
    from trueup.monitoring.profiles.served import forget
    from trueup.monitoring.watching.shelf import Shelf

    version = _named(workspace, name)
    stamp, bucket = stamp_of(workspace), workspace.bucket
    order = Order(str(stamp.by), stamp.at, why)
    done = erasing.erase(
        bucket,
        version.model,
        chosen,
        order,
        lambda ids: trained_on(workspace, version.model, ids),
    )
    forget(bucket, version.model, segments_in(bucket, CAPTURES, version.model))
    Shelf(bucket, version.model).forget_panels()
    return done


def trained_on(workspace: Workspace, model: str, ids: Sequence[str]) -> list[str]:
    """Return the versions whose training tables had any of these ids, as far as that is known."""
    import polars as pl

    from trueup.delivery import identities, seen

    try:
        history = registry_of(workspace).history(model)
    except ModelNotFound:
        return []
    wanted = identities.digests(identities.texts(pl.Series(ids, dtype=pl.String)))
    found = []
    for version in history.versions:
        part = version.parts.get(seen.PART)
        if part is None:
            continue
        body = workspace.results.read(part)
        known = seen.decode(body, f"the rows that version {version.version} has seen")
        if identities.among(wanted, identities.unpacked(known.ids)).any():
            found.append(f"{model}/{version.version}")
    return found


def chosen_by(ids: Sequence[str], listed: Path | None, where: Sequence[str]) -> Chosen:
    """Return what is to be erased, as the command line says it: ids, or columns with values."""
    named = [*ids, *(_lines(listed) if listed else ())]
    if bool(named) == bool(where):
        raise WrongUsage(
            "say what to erase, in one way", remedy="Give --id or --ids, or --where COLUMN=VALUE"
        )
    if named:
        return named
    pairs = [one.partition("=") for one in where]
    wrong = [one for one, (_, equals, _) in zip(where, pairs, strict=True) if not equals]
    if wrong:
        raise WrongUsage(f"{wrong[0]!r} is no condition", remedy="Write COLUMN=VALUE")
    return {name: value for name, _, value in pairs}


def plain(found: Seen) -> dict[str, Any]:
    """Return what was looked at, for JSON."""
    extent = found.extent
    return {
        "model": found.model,
        "segments": extent.segments,
        "size_bytes": extent.size_bytes,
        "versions": extent.versions,
        "first": _at(extent.first_ms),
        "last": _at(extent.last_ms),
        "rows": found.frame.to_dicts(),
    }


def report(found: Seen) -> Report:
    """Return what was looked at, as text and a table."""
    extent = found.extent
    if not extent.segments:
        return Report(found.model, (Text("nothing is captured"),))
    versions = ", ".join(map(str, extent.versions))
    said = (
        f"{extent.segments} segments, {extent.size_bytes / 1e6:.1f} MB, of version {versions},"
        f" from {_shown(_at(extent.first_ms))} to {_shown(_at(extent.last_ms))}"
    )
    shown = found.frame.drop("digest", "latency_s", "labelled_at", "words", strict=False)
    columns = tuple(Column(name) for name in shown.columns)
    rows = tuple(tuple(map(_shown, row)) for row in shown.iter_rows())
    return Report(found.model, (Text(said), Table(columns, rows)))


def rules_for(workspace: Workspace, model: str) -> Rules:
    """Return what is kept of a model's rows, as its project says."""
    project, _, own = model.partition("/")
    entry = workspace.project.models.get(own) if project == workspace.project.name else None
    return rules_of(entry.serve.capture) if entry else Rules()


def _named(workspace: Workspace, name: str) -> VersionName:
    """Return the model or the one version that a name stands for; an alias is looked up."""
    version = named(workspace, name)
    if not version.alias:
        return version
    from trueup.project.registering import resolve

    return VersionName(version.model, resolve(workspace, name).version.version)


def _digest(workspace: Workspace, name: VersionName) -> str:
    if not name.version:
        return ""
    return registry_of(workspace).history(name.model).version(name.version).model.digest


def _span(name: VersionName, question: Question) -> Span:
    return Span(question.since, question.until, question.version or name.version)


def _tell(text: str) -> None:
    print(f"trueup: {text}", file=sys.stderr)


def _lines(listed: Path) -> list[str]:
    try:
        return [line.strip() for line in listed.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(
            f"{listed} cannot be read: {error}", remedy="Name a text file with an id on each line"
        ) from error


def _at(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:40]
