"""The tables that come out: predictions with ids, and what was rejected with the reason."""

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.errors import StageFailed, WrongUsage
from trueup.models.outputs import Outputs
from trueup.models.signature import Field
from trueup.serving.batch.places import Target
from trueup.serving.served import Named
from trueup.store.hashing import DiskFull

if TYPE_CHECKING:
    import polars as pl

FORMATS = (".parquet", ".csv", ".arrow", ".feather", ".ipc")
FLAGS, MODEL, VERSION, DIGEST = "flags", "model", "version", "digest"
_REJECTED = "rejected."
_FULL = {27, 28, 122}  # EFBIG, ENOSPC, EDQUOT


class Answers(msgspec.Struct):
    """What is written of the rows of one part."""

    id_name: str
    ids: "pl.Series"
    outputs: Outputs
    said: list[str | None]  # a row's flags as JSON


def require_format(place: str) -> None:
    """Raise WrongUsage where a name is of no format that is written."""
    if not place.lower().endswith(FORMATS):
        raise WrongUsage(
            f"{place} is of no format that predictions are written in",
            remedy=f"Name a file that ends with {', '.join(FORMATS)}",
        )


def rejected_place(out: str) -> str:
    """Return where rejected rows are written if nothing else is said.

    >>> rejected_place("s3://b/late.parquet")
    's3://b/late.rejected.parquet'
    """
    stem, dot, suffix = out.rpartition(".")
    return f"{stem}.rejected{dot}{suffix}"


def predictions(named: Named, answers: Answers) -> "pl.DataFrame":
    """Return the rows of one part as they are written."""
    import polars as pl

    columns: dict[str, Any] = {answers.id_name: answers.ids.alias(answers.id_name)}
    for name, one in answers.outputs.items():
        columns[name] = pl.Series(name, one.tolist() if one.dtype.kind == "O" else one)
    columns[FLAGS] = pl.Series(FLAGS, answers.said, dtype=pl.String)
    return pl.DataFrame(columns).with_columns(
        pl.lit(named.model).alias(MODEL),
        pl.lit(named.version, pl.Int64).alias(VERSION),
        pl.lit(named.digest).alias(DIGEST),
    )


def require_names(id_name: str, outputs: Sequence[Field]) -> None:
    """Raise WrongUsage where the id column bears the name of another column that is written."""
    taken = {FLAGS, MODEL, VERSION, DIGEST, *(one.name for one in outputs)}
    if id_name in taken:
        raise WrongUsage(
            f"the column of ids is called {id_name!r}, as one of what is written",
            remedy="Rename it in the table",
        )


def nothing_predicted(id_name: str, outputs: Sequence[Field]) -> "pl.DataFrame":
    """Return the table of predictions without a row."""
    import polars as pl

    types = {"boolean": pl.Boolean, "integer": pl.Int64, "number": pl.Float64}
    schema: dict[str, Any] = {id_name: pl.String}
    schema |= {one.name: types.get(one.type, pl.String) for one in outputs}
    schema |= {FLAGS: pl.String, MODEL: pl.String, VERSION: pl.Int64, DIGEST: pl.String}
    return pl.DataFrame(schema=schema)


def rejected(
    frame: "pl.DataFrame", wrong: dict[int, list[str]], first_row: int, file: str
) -> "pl.DataFrame":
    """Return the rejected rows of one part: where each stands, why, and its values as text."""
    import polars as pl

    places = sorted(wrong)
    said = ["; ".join(wrong[place])[:1000] for place in places]
    values = frame[places] if places else frame.clear()
    return pl.DataFrame(
        {
            f"{_REJECTED}file": pl.Series([file] * len(places), dtype=pl.String),
            f"{_REJECTED}row": pl.Series([first_row + k + 1 for k in places], dtype=pl.Int64),
            f"{_REJECTED}reason": pl.Series(said, dtype=pl.String),
        }
    ).hstack([_as_text(one) for one in values.get_columns()])


def first_reasons(parts: Sequence[Path], most: int) -> list[tuple[str, int, str]]:
    """Return where the first rejected rows stand, and why they are."""
    import polars as pl

    found: list[tuple[str, int, str]] = []
    for part in parts:
        frame = pl.read_ipc(BytesIO(part.read_bytes())).head(most - len(found))
        found += [(row[0], row[1], row[2]) for row in frame.iter_rows()]
        if len(found) >= most:
            break
    return found


def assemble(parts: "Sequence[Path] | pl.DataFrame", target: Target, folder: Path) -> int:
    """Write parts as one table, and return its size; it is there whole or not at all."""
    import polars as pl

    scratch = target.scratch(folder)
    whole = parts.lazy() if isinstance(parts, pl.DataFrame) else pl.scan_ipc(list(parts))
    suffix = Path(target.place).suffix.lower()
    try:
        if suffix == ".parquet":
            whole.sink_parquet(scratch)
        elif suffix == ".csv":
            whole.sink_csv(scratch)
        else:
            whole.sink_ipc(scratch)
        return target.publish(scratch)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _not_written(error, target.place) from error
    finally:
        scratch.unlink(missing_ok=True)


def _not_written(error: BaseException, place: str) -> StageFailed:
    said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    number = re.search(r"os error (\d+)", str(error))
    errno = int(number.group(1)) if number else getattr(error, "errno", None)
    if errno in _FULL:
        return DiskFull(
            "the disk is full",
            remedy="Free some space, then run the same command again: it goes on from here",
            place=place,
        )
    return StageFailed(
        f"it cannot be written: {said}",
        remedy="Check the folder, then run the same command again: it goes on from here",
        place=place,
    )


def _as_text(column: "pl.Series") -> "pl.Series":
    import polars as pl

    if column.dtype == pl.String:
        return column
    texts = [None if one is None else str(one) for one in column.to_list()]
    return pl.Series(column.name, texts, dtype=pl.String)
