"""Tables in files, read part by part: every part can be read again by where it begins."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.errors import WrongUsage, did_you_mean
from trueup.models.tables import listed
from trueup.serving.batch.csvtables import BLOCK_BYTES, CsvTable

if TYPE_CHECKING:
    import polars as pl

PARQUET, ARROW = (".parquet", ".pq"), (".arrow", ".feather", ".ipc")
TEXTS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
SUFFIXES = (*PARQUET, *ARROW, *TEXTS)
_ROWS, _LEAST_ROWS, _CELLS = 65_536, 1024, 4 << 20


class Cursor(msgspec.Struct, frozen=True):
    """Where a part begins."""

    file: int = 0
    offset: int = 0  # rows; of CSV bytes, 0 for the first row
    row: int = 0  # rows of this file that lie before


class Part(msgspec.Struct):
    """Rows of one file, and where the next part begins."""

    frame: "pl.DataFrame"
    as_text: bool  # CSV: every cell is text and means what its field says
    begin: Cursor
    end: Cursor
    ragged: dict[int, str] = {}


class Sizes(msgspec.Struct, frozen=True):
    """How much one part may be."""

    rows: int = _ROWS
    block_bytes: int = BLOCK_BYTES


def is_table(name: str) -> bool:
    """Say whether a file's name is that of a table which can be scored."""
    return name.lower().endswith(SUFFIXES)


def all_have(files: Sequence[tuple[Path, str]], column: str) -> bool:
    """Say whether each of the files has this column."""
    return all(column in _opened(path, name, [], BLOCK_BYTES).names for path, name in files)


class Tables:
    """The files of one input; all must have the columns that are needed."""

    def __init__(
        self, files: Sequence[tuple[Path, str]], needed: Sequence[str], sizes: Sizes
    ) -> None:
        self._needed = list(dict.fromkeys(needed))
        cells = _CELLS // max(1, len(self._needed))
        self._rows = max(1, min(sizes.rows, max(_LEAST_ROWS, cells)))
        self._files = [self._open(path, name, sizes) for path, name in files]

    def part(self, at: Cursor) -> Part | None:
        """Return the part that begins there, or the next one that has rows; None behind all."""
        while at.file < len(self._files):
            table = self._files[at.file]
            if isinstance(table, CsvTable):
                block = table.block(at.offset or table.begin)
                if block is not None:
                    end = Cursor(at.file, block.end, at.row + block.frame.height)
                    if block.frame.height:
                        return Part(block.frame, True, at, end, block.ragged)
                    at = end
                    continue
            else:
                frame = table.rows(at.offset, self._rows)
                if frame.height:
                    end = Cursor(at.file, at.offset + frame.height, at.row + frame.height)
                    return Part(frame, False, at, end)
            at = Cursor(at.file + 1)
        return None

    def _open(self, path: Path, name: str, sizes: Sizes) -> "CsvTable | _Typed":
        found = _opened(path, name, self._needed, sizes.block_bytes)
        absent = [one for one in self._needed if one not in found.names]
        if absent:
            near = did_you_mean(absent[0], found.names)
            raise WrongUsage(
                f"there is no column {listed([repr(one) for one in absent])}",
                remedy=f"{near}It has: {listed(found.names, 12)}",
                place=name,
            )
        return found


class _Typed:
    """A file of parquet or Arrow."""

    def __init__(self, path: Path, shown_as: str, needed: Sequence[str]) -> None:
        import polars as pl

        self._shown_as, self._needed = shown_as, list(needed)
        is_parquet = path.name.lower().endswith(PARQUET)
        with _explained(shown_as):
            self._lazy = pl.scan_parquet(path) if is_parquet else pl.scan_ipc(path)
            self.names = self._lazy.collect_schema().names()

    def rows(self, start: int, count: int) -> "pl.DataFrame":
        with _explained(self._shown_as):
            found: Any = self._lazy.select(self._needed).slice(start, count).collect()
        return found  # type: ignore[no-any-return]  # a frame


def _opened(path: Path, name: str, needed: Sequence[str], block_bytes: int) -> "CsvTable | _Typed":
    if path.name.lower().endswith(TEXTS):
        return CsvTable(path, name, needed, block_bytes)
    return _Typed(path, name, needed)


class _explained:  # noqa: N801 - used as a statement's word
    """Turns what polars says of a broken file into one clear error."""

    def __init__(self, shown_as: str) -> None:
        self._shown_as = shown_as

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import polars as pl

        broken = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
        if isinstance(error, broken):
            said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise WrongUsage(
                f"the table cannot be read: {said}",
                remedy="Write it again; its suffix must be that of its format",
                place=self._shown_as,
            ) from error
