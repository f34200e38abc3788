"""The folder of a job under way: each part is there whole or not at all, so it can go on."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from blake3 import blake3

from trueup.captures import frames
from trueup.captures.frames import Frame
from trueup.errors import SomebodyElseFirst
from trueup.serving.batch.record import Counted, Job
from trueup.serving.batch.tables import Cursor
from trueup.store.hashing import explained

if TYPE_CHECKING:
    import polars as pl

ROWS, REJECTED = "rows", "rejected"
_FORGOTTEN_S = 7 * 86_400.0


class Begin(msgspec.Struct, frozen=True):
    """What a job under way is about; another job does not go on with its parts."""

    job: Job
    at_ns: int  # when it was begun
    release: str  # of trueup, which decides how parts are made
    format: int = 1


class Done(msgspec.Struct, frozen=True):
    """A part that is scored."""

    end: Cursor
    counted: Counted
    refusals: int  # how many rejected rows are captured up to here
    seconds: float
    format: int = 1


class Work:
    """The folder of one job; only its process writes there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inputs = folder / "inputs"
        self._marks: list[Done] = []

    def begin(self, begin: Begin) -> Begin:
        """Go on with what is there of the same job, else forget it; return how it was begun."""
        place = self.folder / "job.json"
        there: Begin | None = _read(place, Begin)
        same = there is not None and there == msgspec.structs.replace(begin, at_ns=there.at_ns)
        if there is not None and same:
            self._marks = self._found()
            return there
        for one in self.folder.iterdir():
            if one.is_file() and one.name != "lock":
                one.unlink()
        self._write("job.json", msgspec.json.encode(begin))
        return begin

    @property
    def marks(self) -> list[Done]:
        """The parts that are done, in order."""
        return self._marks

    @property
    def counted(self) -> Counted:
        """How all rows until here came out."""
        total = Counted()
        for one in self._marks:
            total = total.plus(one.counted)
        return total

    def keep(self, tables: "dict[str, pl.DataFrame]", captured: list[Frame], done: Done) -> None:
        """Keep the next part; it counts once its mark is there."""
        number = len(self._marks)
        for kind, frame in tables.items():
            if frame.height:
                body = BytesIO()
                frame.write_ipc(body, compression="lz4")
                self._write(f"{number:08d}.{kind}.arrow", body.getvalue())
        body_of = frames.MAGIC + b"".join(map(frames.encode, captured))
        self._write(f"{number:08d}.frames", body_of)
        self._write(f"{number:08d}.json", msgspec.json.encode(done))
        self._marks.append(done)

    def parts(self, kind: str) -> list[Path]:
        """Return the files of one kind, in order."""
        names = [f"{number:08d}.{kind}.arrow" for number in range(len(self._marks))]
        return [self.folder / name for name in names if (self.folder / name).exists()]

    def captured(self) -> Iterator[tuple[int, list[Frame]]]:
        """Yield the captures of each part, with its number."""
        for number in range(len(self._marks)):
            place = self.folder / f"{number:08d}.frames"
            yield number, frames.decode_file(place.read_bytes(), str(place))[0]

    def forget(self) -> None:
        """Remove everything: the job is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _found(self) -> list[Done]:
        marks: list[Done] = []
        while (one := _read(self.folder / f"{len(marks):08d}.json", Done)) is not None:
            marks.append(one)
        return marks

    def _write(self, name: str, body: bytes) -> None:
        scratch = self.folder / f".{name}"
        with explained(str(self.folder)):
            with scratch.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self.folder / name)


@contextmanager
def work_in(top: Path, job: Job) -> Iterator[Work]:
    """Give the folder of a job; SomebodyElseFirst while another process works on the same."""
    said = "\0".join((job.model, job.environment, job.partition, job.out))
    folder = top / blake3(said.encode()).hexdigest()[:24]
    with explained(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _locked(lock) or not os.fstat(lock).st_nlink:  # it ended, and took its folder away
            raise SomebodyElseFirst(
                f"another trueup predict is writing {job.out}", remedy="Wait until it has ended"
            )
        _sweep(top, folder)
        yield Work(folder)
    finally:
        os.close(lock)


def _sweep(top: Path, mine: Path) -> None:
    """Remove what was begun long ago and never ended."""
    for folder in top.iterdir():
        if folder == mine:
            continue
        try:
            if time.time() - folder.stat().st_mtime < _FORGOTTEN_S:
                continue
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # another process has just removed it
            continue
        if _locked(lock):
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(place: Path, kind: type[msgspec.Struct]) -> Any:
    try:
        return msgspec.json.decode(place.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
