"""The hold-out: no row of it is trained on, and no other row is judged on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.config.model_entries import ModelEntry
from trueup.config.paths import normal
from trueup.delivery import identities
from trueup.delivery.moments import moments
from trueup.delivery.scanning import Unreadable, columns_of, tables_in
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

_SECONDS = 1e8  # numbers below are no seconds since 1970 but steps


def check_holdout(entry: ModelEntry, place: str) -> None:
    """Refuse a hold-out that could not be enforced: WrongUsage before anything is trained."""
    evaluate = entry.evaluate
    lacking = ""
    if evaluate is None or not evaluate.time:
        lacking = "evaluate: time:, the column that says when a row is from"
    elif not entry.seen:
        lacking = "seen:, the tables that it is trained on"
    elif evaluate.holdout == "sealed":
        raise WrongUsage(
            "sealed rows stay the same, and a hold-out moves with each retrain",
            remedy="Write holdout: open under evaluate:, or leave out loop: retrain: holdout",
            place=place,
        )
    if lacking:
        raise WrongUsage(
            f"loop: retrain: holdout wants {lacking}: else nobody could see that it was kept",
            remedy="Name it there; or leave holdout out",
            place=place,
        )


def trespass(root: Path, entry: ModelEntry, since: datetime) -> str:
    """Return what was trained on or judged across the beginning of the hold-out; empty: nothing.

    A row without a time cannot be shown to lie on its side. What cannot be read stops it as well.
    """
    try:
        return next(_trespasses(root, entry, since), "")
    except (Unreadable, identities.NoIds) as error:
        return f"it cannot be told whether the hold-out was kept: {error}"


def _trespasses(root: Path, entry: ModelEntry, since: datetime) -> Iterator[str]:
    evaluate = entry.evaluate
    assert evaluate is not None  # noqa: S101 - check_holdout has asked for it
    judged = normal(evaluate.data or evaluate.predictions, ".", str(root))
    held = _columns(root, judged, [evaluate.time, evaluate.id])
    for path in entry.seen:
        for table in _tables(root, normal(path, ".", str(root))):
            seen = _columns(root, table, [evaluate.time, evaluate.id])
            if evaluate.time in seen.columns:
                among, how = _since(seen[evaluate.time], since, table), "in the hold-out"
                count = int(among.fill_null(value=True).sum())
            else:
                count, how = _shared(seen, held, evaluate.id, table), "judged on as well"
            if count:
                yield (
                    f"trained on held-out rows: {count:,} of {seen.height:,} rows of {table} are"
                    f" {how}, which begins at {_shown(since)}"
                )
    if evaluate.time not in held.columns:
        raise Unreadable(f"{judged} has no column {evaluate.time}")
    inside = _since(held[evaluate.time], since, judged).fill_null(value=False)
    older = held.height - int(inside.sum())
    if older:
        yield (
            f"judged outside the hold-out: {older:,} of {held.height:,} rows of {judged} are not"
            f" shown to be of {_shown(since)} or later"
        )


def _tables(root: Path, path: str) -> list[str]:
    found = [one.relative_to(root).as_posix() for one in tables_in(root, path)]
    if not found:
        raise Unreadable(f"no table is at {path}")
    return found


def _columns(root: Path, path: str, names: list[str]) -> "pl.DataFrame":
    try:
        return columns_of(root / path, [name for name in dict.fromkeys(names) if name])
    except Unreadable as error:
        raise Unreadable(f"{path}: {error}") from error


def _since(column: "pl.Series", since: datetime, path: str) -> "pl.Series":
    """Return which rows are from then or later, null where that is unknown.

    A date counts as its beginning, as a comparison of text has it.
    """
    import polars as pl

    if not column.count():
        return pl.Series([None] * len(column), dtype=pl.Boolean)
    found = moments(column)
    if found is None:
        raise Unreadable(f"the column {column.name} of {path} holds no times")
    at = since.astimezone(UTC).timestamp()
    if found.kind != "number":
        return found.values >= round(at * 1e6)
    largest = found.values.max()
    if not isinstance(largest, float) or largest < _SECONDS:
        raise Unreadable(f"the column {column.name} of {path} holds numbers that are no times")
    return found.values >= at


def _shared(seen: "pl.DataFrame", held: "pl.DataFrame", name: str, path: str) -> int:
    """Return how many rows without a time are judged on, by their ids."""
    if name not in seen.columns or name not in held.columns:
        raise Unreadable(f"{path} has neither times nor ids to tell its rows by")
    rows, judged = (identities.texts(one[name]).to_frame() for one in (seen, held))
    return rows.join(judged.drop_nulls().unique(), on=name, how="semi").height


def _shown(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
