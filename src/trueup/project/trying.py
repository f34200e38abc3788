"""The verb captures trial: how a challenger has done beside the champion, kept as a record."""

from datetime import datetime
from typing import Any

import msgspec

from trueup.captures.finding import Span
from trueup.captures.pairing import Contest
from trueup.captures.trials import Difference, Numbered, Side, Trial, keep, leaning
from trueup.errors import WrongUsage
from trueup.project.loading import entry_of
from trueup.project.registering import chosen_environment, named, registry_of, stamp_of
from trueup.project.workspace import Workspace
from trueup.registry.names import CHALLENGER, VersionName
from trueup.reporting.blocks import Block, Cell, Column, Report, Table, Text

_MEASURES = {"error_rate": "wrong decisions", "log_loss": "log loss", "absolute_error": "distance"}


class Asked(msgspec.Struct, frozen=True):
    """Which versions are compared, and over which captures."""

    environment: str = ""
    against: int | None = None  # none: the champion
    slices: tuple[str, ...] = ()  # none: those of evaluate.slices
    since: datetime | None = None
    until: datetime | None = None
    record: bool = True


def trial(workspace: Workspace, name: str, asked: Asked) -> Numbered:
    """Compare a challenger with the champion on captured rows, and keep what was found.

    name is a model, whose challenger is meant, or one of its versions. The number is 0 where
    nothing was recorded.
    """
    from trueup.captures.trying import tried

    environment = chosen_environment(workspace, asked.environment)
    version = named(workspace, name)
    if version.version is None and not version.alias:
        version = msgspec.structs.replace(version, alias=CHALLENGER)
    other = VersionName(version.model, asked.against)
    sides = [_side(workspace, one, environment) for one in (other, version)]
    if sides[0].version == sides[1].version:
        raise WrongUsage(
            f"{version.model}/{sides[0].version} would be compared with itself",
            remedy="Name another version, or the other one with --against",
        )
    entry = entry_of(workspace, version.model).evaluate
    slices = asked.slices or (entry.slices if entry else ())
    group = entry.group if entry and isinstance(entry.group, str) else ""
    stamp = stamp_of(workspace)
    begun = Trial(
        model=version.model,
        champion=sides[0],
        challenger=sides[1],
        at=stamp.at,
        by=str(stamp.by),
        environment=environment,
    )
    contest = Contest(sides[0].version, sides[1].version, tuple(slices), group)
    found = tried(workspace.bucket, begun, contest, Span(asked.since, asked.until))
    return Numbered(keep(workspace.bucket, found) if asked.record else 0, found)


def _side(workspace: Workspace, name: VersionName, environment: str) -> Side:
    found = registry_of(workspace).resolve(name, environment).version
    return Side(found.version, found.model.digest)


def report(found: Numbered) -> Report:
    """Return a record as text and tables."""
    trial = found.trial
    number = f"record {found.number}" if found.number else "not recorded"
    title = f"{trial.model}/{trial.challenger.version} beside version {trial.champion.version}"
    blocks: list[Block] = [Text(f"{_rows(trial)} ({number})")]
    if trial.differences or trial.explored_only or trial.apart:
        blocks.append(_differences(trial))
    if trial.slices:
        blocks.append(_slices(trial))
    if trial.latencies:
        blocks.append(_latencies(trial))
    if trial.missing:
        blocks.append(Text(f"not captured, so not looked at: {', '.join(trial.missing)}"))
    return Report(title, tuple(blocks))


def _rows(trial: Trial) -> str:
    if not trial.rows:
        return (
            "no row was predicted by both; let serve.challenger have shadow: true, or explore"
            if not trial.apart
            else "no row was predicted by both"
        )
    said = f"{trial.rows} rows predicted by both, {trial.labelled} of them labelled"
    if trial.explored:
        said += f", {trial.explored} chosen to be"
    if trial.decided:
        share = 100 * trial.differing / trial.decided
        said += f"; {trial.differing} decisions differ ({share:.2g} %)"
    if trial.distance_mean is not None:
        most = trial.distance_max or 0.0
        said += f"; scores lie {trial.distance_mean:.3g} apart, {most:.3g} at most"
    return said


def _differences(trial: Trial) -> Table:
    percent = round(100 * trial.confidence)
    columns = (
        "over",
        "measure",
        "rows",
        "champion",
        "challenger",
        "difference",
        f"{percent} %",
        "",
    )
    parts = (
        ("labelled rows of both", trial.differences),
        ("explored rows of both", trial.explored_only),
        ("each its own rows", trial.apart),
    )
    rows = [
        (over, *_cells(one, each=over.startswith("each"))) for over, some in parts for one in some
    ]
    return Table(_columns(columns), tuple(rows), "What was true")


def _cells(one: Difference, *, each: bool = False) -> tuple[Cell, ...]:
    rows = f"{one.champion_rows} and {one.rows}" if each else str(one.rows)
    figures = (f"{one.champion:.4g}", f"{one.challenger:.4g}", f"{one.difference:+.3g}")
    return (_MEASURES[one.measure], rows, *figures, _interval(one), leaning(one))


def _interval(one: Difference) -> str:
    if one.low is None or one.high is None:
        return "too few rows"
    return f"{one.low:+.3g} to {one.high:+.3g}"


def _slices(trial: Trial) -> Table:
    columns = ("slice", "rows", "labelled", "differing", "measure", "difference", "", "")
    rows: list[tuple[Cell, ...]] = []
    for part in trial.slices:
        head = (f"{part.column}={part.value}", str(part.rows), str(part.labelled))
        for one in part.differences or (None,):
            tail = ("", "", "", "")
            if one is not None:
                said = f"{one.difference:+.3g}"
                tail = (_MEASURES[one.measure], said, _interval(one), leaning(one))
            rows.append((*head, str(part.differing), *tail))
    title = f"By slice; {trial.left_out} smaller ones left out" if trial.left_out else "By slice"
    return Table(_columns(columns), tuple(rows), title)


def _latencies(trial: Trial) -> Table:
    names = {trial.champion.version: "champion", trial.challenger.version: "challenger"}
    rows = [
        (
            f"{one.version} ({names[one.version]})",
            one.role,
            str(one.rows),
            f"{one.p50_ms:.3g}",
            f"{one.p99_ms:.3g}",
        )
        for one in trial.latencies
    ]
    return Table(_columns(("version", "as", "rows", "p50 ms", "p99 ms")), tuple(rows), "Time")


def _columns(names: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def plain(found: Numbered) -> dict[str, Any]:
    """Return a record for JSON."""
    return {"number": found.number, **msgspec.structs.asdict(found.trial)}
