"""CSV in blocks: quickly where it is plain, exactly as the server reads it where it is not."""

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec
import numpy as np

from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

BLOCK_BYTES = 4 << 20


class Block(msgspec.Struct):
    """Rows of a CSV file as text; of a row with too few or too many cells none."""

    frame: "pl.DataFrame"
    ragged: dict[int, str]  # row of the block: what is wrong
    end: int  # where the next block begins


class CsvTable:
    """One CSV file with a header; ``wanted`` are the columns that are read."""

    def __init__(self, path: Path, shown_as: str, wanted: Sequence[str], block_bytes: int) -> None:
        self._path, self._shown_as, self._block_bytes = path, shown_as, block_bytes
        name = path.name.lower().removesuffix(".gz")
        self._separator = "\t" if name.endswith(".tsv") else ","
        self.begin, self.names = self._header()
        self._places = [self.names.index(one) for one in wanted if one in self.names]
        twice = {one for one in wanted if self.names.count(one) > 1}
        if twice:
            raise WrongUsage(
                f"the column {min(twice)!r} is there twice", remedy="Name it once", place=shown_as
            )

    def block(self, start: int) -> Block | None:
        """Return the rows that begin at a byte; None behind the last."""
        with self._opened(start) as file:
            body = file.read(self._block_bytes)
            if not body:
                return None
            body += file.readline()
        plain = body.replace(b"\r\n", b"\n") if b"\r" in body else body
        if b'"' not in plain and b"\r" not in plain and self._even(plain):
            frame = self._quick(plain)
            if frame is not None:
                return Block(frame, {}, start + len(body))
        return self._exact(start)

    def _header(self) -> tuple[int, list[str]]:
        with self._opened(0) as file:
            lines = _Lines(file, self._shown_as)
            cells = next(self._reader(lines), None)
        if not cells:
            raise WrongUsage("the table is empty", remedy="Write rows to it", place=self._shown_as)
        cells[0] = cells[0].removeprefix("\ufeff")
        return lines.read_bytes, [one.strip() for one in cells]

    def _even(self, body: bytes) -> bool:
        """Say whether each line has as many cells as the header, by counting separators."""
        octets = np.frombuffer(body, np.uint8)
        ends = np.flatnonzero(octets == ord("\n"))
        if not body.endswith(b"\n"):
            ends = np.append(ends, len(octets))
        cells = np.searchsorted(np.flatnonzero(octets == ord(self._separator)), ends)
        in_line = np.diff(cells, prepend=0)
        lengths = np.diff(ends, prepend=-1)
        return bool((in_line == len(self.names) - 1).all() and (lengths > 1).all())

    def _quick(self, body: bytes) -> "pl.DataFrame | None":
        import polars as pl

        texts = {f"{k}": pl.String for k in range(len(self.names))}
        try:
            frame = pl.read_csv(
                io.BytesIO(body),
                has_header=False,
                schema=texts,
                columns=self._places,
                separator=self._separator,
                quote_char=None,
            )
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return None  # the exact way says what is wrong
        return frame.rename({f"{k}": self.names[k] for k in self._places})

    def _exact(self, start: int) -> Block:
        import polars as pl

        columns: list[list[str | None]] = [[] for _ in self._places]
        ragged: dict[int, str] = {}
        with self._opened(start) as file:
            lines = _Lines(file, self._shown_as)
            row = 0
            for cells in self._reader(lines):
                if cells:
                    if len(cells) != len(self.names):
                        ragged[row] = f"has {len(cells)} cells, not {len(self.names)}"
                        cells = []
                    for column, place in zip(columns, self._places, strict=True):
                        column.append(cells[place] if cells else None)
                    row += 1
                if lines.read_bytes >= self._block_bytes:
                    break
        named = zip(self._places, columns, strict=True)
        frame = pl.DataFrame(
            {self.names[k]: pl.Series(self.names[k], one, dtype=pl.String) for k, one in named}
        )
        return Block(frame, ragged, start + lines.read_bytes)

    def _reader(self, lines: "_Lines") -> Iterator[list[str]]:
        reader = csv.reader(lines, delimiter=self._separator, strict=True)
        while True:
            try:
                yield next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise WrongUsage(
                    f"the CSV cannot be read: {error}, near byte {lines.read_bytes}",
                    remedy="Mend the quotes there, or write the table as parquet",
                    place=self._shown_as,
                ) from error

    def _opened(self, start: int) -> IO[bytes]:
        opener: Any = gzip.open if self._path.suffix == ".gz" else open
        file: IO[bytes] = opener(self._path, "rb")
        file.seek(start)
        return file


class _Lines:
    """The lines of a file as text, and how many bytes they were."""

    def __init__(self, file: IO[bytes], shown_as: str) -> None:
        self._file, self._shown_as, self.read_bytes = file, shown_as, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline()
        if not line:
            raise StopIteration
        self.read_bytes += len(line)
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise WrongUsage(
                f"the CSV is not UTF-8: {error.reason} near byte {self.read_bytes}",
                remedy="Write it in UTF-8",
                place=self._shown_as,
            ) from error
