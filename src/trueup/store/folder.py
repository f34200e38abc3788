"""A bucket in a folder: create by hard link, replace by rename, synced where it is promised."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from trueup import ids
from trueup.store.bucket import Entry, Missing
from trueup.store.cloning import clone, write_all
from trueup.store.keys import check_key, check_prefix
from trueup.store.oserrors import NO_LINKS, explained, without_links

_SCRATCH = ".tmp"
_GONE = (FileNotFoundError, NotADirectoryError)
_RACES = 100  # lost in a row against deleters that prune the folder we are about to write into


class FolderBucket:
    """Objects as files under a root folder, which comes into being with the first write.

    Any number of processes may share it, also over a network file system that has hard links.
    What a crash leaves behind lies in the hidden folder .tmp, never under a key.
    """

    remote = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = str(root)
        self._where = os.fspath(root)
        self._synced: set[tuple[Path, int]] = set()

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Return the object's bytes, or the given range of them; Missing if there is none."""
        check_key(key)
        try:
            descriptor = os.open(f"{self._where}/{key}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                return _read(descriptor, start, length)
            finally:
                os.close(descriptor)
        except (*_GONE, IsADirectoryError) as error:
            raise Missing(key, self.url) from error
        except OSError as error:
            raise explained(error, self.url, key) from error

    def create(self, key: str, body: bytes) -> bool:
        """Write an object that must not exist yet, synced; False if somebody's is there."""
        target = self.path_of(key)
        try:
            scratch = self._scratch(lambda descriptor: write_all(descriptor, body), sync=True)
            try:
                if not self._link(scratch, target):
                    return False
            finally:
                scratch.unlink(missing_ok=True)
            self._sync_folder(target.parent)
        except OSError as error:
            raise explained(error, self.url, key) from error
        return True

    def put(self, key: str, body: bytes | Path, *, sync: bool = False) -> None:
        """Write an object, replacing what is there at once and whole; a Path is cloned."""
        target = self.path_of(key)
        if not isinstance(body, Path):
            whole = body
            self._replace(target, lambda descriptor: write_all(descriptor, whole), sync=sync)
            return
        source = os.open(body, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._replace(target, lambda descriptor: clone(source, descriptor), sync=sync)
        finally:
            os.close(source)

    def put_chunks(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write an object piece by piece; if chunks raises, nothing has changed under the key."""

        def fill(descriptor: int) -> None:
            for chunk in chunks:
                write_all(descriptor, chunk)

        self._replace(self.path_of(key), fill, sync=False)

    def list(self, prefix: str, *, after: str = "") -> Iterator[Entry]:
        """Yield the objects whose key starts with prefix and is greater than after, unsorted."""
        check_prefix(prefix)
        try:
            if prefix and not prefix.endswith("/"):
                yield from self._single(prefix, after)
            else:
                yield from self._walk(prefix, after)
        except OSError as error:
            raise explained(error, self.url, prefix) from error

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, and folders that are empty then; absent ones are no error."""
        for key in keys:
            path = self.path_of(key)
            try:
                path.unlink()
            except _GONE:
                continue
            except OSError as error:
                raise explained(error, self.url, key) from error
            self._prune(path.parent)

    def path_of(self, key: str) -> Path:
        """Return where the object's file lies or would lie; it must only ever be read."""
        check_key(key)
        return self.root / key

    def sweep(self, *, older_than_s: float, now: datetime) -> int:
        """Remove what crashed writers left behind, and return how many files that were."""
        removed = 0
        try:
            with os.scandir(self.root / _SCRATCH) as found:
                for item in found:
                    if item.stat().st_mtime < now.timestamp() - older_than_s:
                        Path(item.path).unlink(missing_ok=True)
                        removed += 1
        except FileNotFoundError:
            return removed
        except OSError as error:
            raise explained(error, self.url, _SCRATCH) from error
        return removed

    def _replace(self, target: Path, fill: Callable[[int], None], *, sync: bool) -> None:
        try:
            scratch = self._scratch(fill, sync=sync)
            try:
                self._place(lambda: scratch.rename(target), target.parent)
            except BaseException:
                scratch.unlink(missing_ok=True)
                raise
            if sync:
                self._sync_folder(target.parent)
        except OSError as error:
            raise explained(error, self.url, target.name) from error

    def _scratch(self, fill: Callable[[int], None], *, sync: bool) -> Path:
        path = self.root / _SCRATCH / ids.nonce()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o666)
        except FileNotFoundError:
            self._begin()
            descriptor = os.open(path, flags, 0o666)
        try:
            fill(descriptor)
            if sync:
                os.fsync(descriptor)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return path

    def _begin(self) -> None:
        """Make the root, and find out at once whether its file system has hard links."""
        folder = self.root / _SCRATCH
        folder.mkdir(parents=True, exist_ok=True)
        probe, second = folder / ids.nonce(), folder / ids.nonce()
        probe.touch()
        try:
            self._link(probe, second)
        finally:
            second.unlink(missing_ok=True)
            probe.unlink(missing_ok=True)

    def _link(self, scratch: Path, target: Path) -> bool:
        try:
            self._place(lambda: os.link(scratch, target), target.parent)
        except FileExistsError:
            # A network file system may lose the answer and find our own link when it asks again.
            return scratch.stat().st_nlink > 1
        except OSError as error:
            if error.errno in NO_LINKS:
                raise without_links(self.root) from error
            raise
        return True

    def _place(self, name_it: Callable[[], object], folder: Path) -> None:
        for _ in range(_RACES):
            try:
                name_it()
            except FileNotFoundError:
                # No folder yet, or another process has just pruned it: make it, try again.
                # mkdir may lose against a pruner too, and even say so by FileExistsError.
                with suppress(FileNotFoundError, FileExistsError):
                    folder.mkdir(parents=True, exist_ok=True)
            else:
                return
        name_it()

    def _sync_folder(self, folder: Path) -> None:
        """Sync the object's folder, and those above it the first time that we write there."""
        # Where a folder is gone, so is the object: only an empty one can be pruned.
        with suppress(*_GONE):
            seen = (folder, _sync(folder))
            if seen in self._synced:
                return
            while folder != self.root:
                folder = folder.parent
                _sync(folder)
            self._synced.add(seen)

    def _single(self, key: str, after: str) -> Iterator[Entry]:
        path = self.root / key
        with suppress(*_GONE):
            found = path.stat()
            if key > after and path.is_file():
                yield _entry(key, found)

    def _walk(self, prefix: str, after: str) -> Iterator[Entry]:
        try:
            found = os.scandir(f"{self._where}/{prefix}")
        except _GONE:
            return
        with found:
            for item in found:
                key = prefix + item.name
                if item.is_dir(follow_symlinks=False):
                    below = f"{key}/"
                    if key != _SCRATCH and (below > after or after.startswith(below)):
                        yield from self._walk(below, after)
                elif key > after and key[0] != "." and item.is_file():
                    with suppress(FileNotFoundError):  # deleted while we were listing
                        yield _entry(key, item.stat())

    def _prune(self, folder: Path) -> None:
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:
                return  # not empty, or somebody else was quicker: either way not ours to remove
            folder = folder.parent


def _read(descriptor: int, start: int, length: int | None) -> bytes:
    size = os.fstat(descriptor).st_size
    left = max(0, size - start if length is None else min(length, size - start))
    chunks = [os.pread(descriptor, max(left, 1), start)[:left]]  # at least one: a folder says so
    while (left := left - len(chunks[-1])) and chunks[-1]:
        start += len(chunks[-1])
        chunks.append(os.pread(descriptor, left, start))
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _sync(folder: Path) -> int:
    """Sync a folder's entries to the disk and return its inode number."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)


def _entry(key: str, found: os.stat_result) -> Entry:
    return Entry(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
