"""A process with Evidently in it, asked one comparison after the other, ended with its owner."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.errors import WrongUsage
from trueup.monitoring.detectors.naming import package_missing

if TYPE_CHECKING:
    import polars as pl

PYTHON = "TRUEUP_EVIDENTLY_PYTHON"  # names the Python of an environment that has Evidently
PATIENCE_S = 300.0  # for one comparison; its libraries alone take up to 20 s to import
_TAIL_BYTES = 2000


class Measured(msgspec.Struct, frozen=True):
    """What Evidently measures of one column; a p-value where its method says so."""

    name: str
    method: str
    threshold: float
    value: float

    @property
    def is_p_value(self) -> bool:
        """Say whether small values are far."""
        return "p_value" in self.method

    @property
    def has_drifted(self) -> bool:
        """Say whether Evidently says so of this column."""
        return self.value < self.threshold if self.is_p_value else self.value >= self.threshold


class Compared(msgspec.Struct, frozen=True):
    """What DataDriftPreset says of two tables."""

    columns: tuple[Measured, ...]
    share: float  # of columns that have drifted
    limit: float  # from which share on it says that the data has


class _Answer(msgspec.Struct, frozen=True):
    found: Compared | None = None
    failed: str = ""


class EvidentlyFailed(WrongUsage):
    """Evidently could not compare two tables."""


class Tables(msgspec.Struct, frozen=True):
    """Two tables with the same columns, numbers and words."""

    reference: "pl.DataFrame"
    window: "pl.DataFrame"
    numbers: tuple[str, ...]
    words: tuple[str, ...]


def evidently_python(environ: Mapping[str, str]) -> Path:
    """Return a Python that has Evidently: the one that is named, else this one.

    WrongUsage names the extra where there is none.
    """
    named = environ.get(PYTHON, "")
    if named:
        return Path(named)
    if find_spec("evidently") is None:
        missing = package_missing("evidently.data_drift", "evidently", "evidently")
        raise WrongUsage(
            missing.problem,
            remedy=f"{missing.remedy}. Or into an environment of its own, whose Python"
            f" {PYTHON} names",
        )
    return Path(sys.executable)


class Session:
    """A process that compares tables; it is started by the first question, and ended by close."""

    def __init__(self, python: Path, environ: Mapping[str, str]) -> None:
        self._python, self._environ = python, dict(environ)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="trueup-evidently-")
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close

    def close(self) -> None:
        """End the process and whatever it has started, and remove its files."""
        if self._process is not None:
            assert self._process.stdin is not None  # noqa: S101 - it was started with pipes
            assert self._process.stdout is not None  # noqa: S101 - it was started with pipes
            self._kill()
            self._process.wait()
            with suppress(OSError):
                self._process.stdin.close()
            self._process.stdout.close()
        self._printed.close()
        self._folder.cleanup()

    def compare(self, tables: Tables, *, page: bool) -> tuple[Compared, bytes]:
        """Return what Evidently says, and its page where that is asked for."""
        folder = Path(self._folder.name)
        for name, table in (("reference", tables.reference), ("window", tables.window)):
            _write(table.select(*tables.numbers, *tables.words), folder / f"{name}.arrow")
        written = folder / "page.html"
        question = {
            "reference": str(folder / "reference.arrow"),
            "window": str(folder / "window.arrow"),
            "numbers": tables.numbers,
            "words": tables.words,
            "page": str(written) if page else "",
        }
        answer = self._asked(msgspec.json.encode(question) + b"\n")
        if answer.found is None:
            raise EvidentlyFailed(
                f"Evidently could not compare the window: {answer.failed}",
                remedy="Look at its columns, or leave evidently.data_drift out.",
            )
        return answer.found, written.read_bytes() if page else b""

    def _asked(self, line: bytes) -> _Answer:
        process = self._started()
        assert process.stdin is not None  # noqa: S101 - it was started with pipes
        assert process.stdout is not None  # noqa: S101 - it was started with pipes
        timer = threading.Timer(PATIENCE_S, self._kill)
        timer.daemon = True
        timer.start()
        try:
            process.stdin.write(line)
            process.stdin.flush()
            return msgspec.json.decode(process.stdout.readline(), type=_Answer)
        except (OSError, msgspec.DecodeError) as error:
            raise EvidentlyFailed(
                f"{self._python} gave no answer about Evidently: {self._tail()}",
                remedy=f"Check that this Python has evidently, pandas and pyarrow; {PYTHON} names"
                " another",
            ) from error
        finally:
            timer.cancel()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            program = Path(__file__).with_name("worker.py")
            try:
                self._process = subprocess.Popen(
                    [str(self._python), "-W", "ignore", str(program)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._printed,
                    start_new_session=True,
                    cwd=self._folder.name,
                    env={**self._environ, "DO_NOT_TRACK": "1"},
                )
            except OSError as error:
                raise EvidentlyFailed(
                    f"{self._python} could not be started: {error.strerror}",
                    remedy=f"Name a Python that has Evidently: {PYTHON}=/path/to/python",
                ) from error
        return self._process

    def _kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _tail(self) -> str:
        self._kill()
        self._printed.seek(0, os.SEEK_END)
        self._printed.seek(max(0, self._printed.tell() - _TAIL_BYTES))
        words = self._printed.read().decode("utf-8", "replace").strip()
        return words.splitlines()[-1] if words else "it ended"


def _write(table: Any, path: Path) -> None:
    """Write an Arrow file that older readers read, too, of what pandas has types for."""
    import polars as pl

    plain = {
        name: pl.String if dtype in (pl.Categorical, pl.Enum) else pl.Float64
        for name, dtype in table.schema.items()
        if dtype in (pl.Categorical, pl.Enum) or dtype.is_decimal()
    }
    table.cast(plain).write_ipc(path, compat_level=pl.CompatLevel.oldest())


def split(windows: "Sequence[pl.DataFrame]") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which columns are numbers and which are words; others are not compared."""
    import polars as pl

    numbers = [name for name, dtype in windows[0].schema.items() if dtype.is_numeric()]
    texts = (pl.String, pl.Boolean, pl.Categorical, pl.Enum)
    words = [name for name, dtype in windows[0].schema.items() if dtype in texts]
    return tuple(numbers), tuple(words)
