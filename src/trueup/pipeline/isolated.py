"""A stage run with nothing in view but what it declares."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from trueup.config.records import Stage
from trueup.store.cloning import clone


class Enclosure:
    """A folder with copies of a stage's declared dependencies and parameters, and no more.

    It hides what is not declared from relative paths; it is no sandbox: a command that names an
    absolute path still reaches it.
    """

    def __init__(self, root: Path, folder: Path, stage: Stage) -> None:
        self._root, self.folder, self._stage = root, folder, stage

    def furnish(
        self,
        params: Mapping[str, Mapping[str, Any]],
        files_of: Callable[[str], Iterable[str]],
    ) -> None:
        """Put in what is declared: files as they are, parameter files with the declared keys.

        ``files_of`` names the files that count as a path's content. What lies outside the project
        is reached where it lies, and is not copied.
        """
        self.remove()
        (self.folder / self._stage.wdir).mkdir(parents=True)
        for dep in self._stage.deps:
            if dep.path and _is_inside(dep.path):
                self._bring_in(dep.path, files_of(dep.path))
        for file, values in params.items():
            if _is_inside(file) and not (self.folder / file).exists():
                self._write_params(file, values)
        for out in self._stage.outs:
            if _is_inside(out.path):
                (self.folder / out.path).parent.mkdir(parents=True, exist_ok=True)
                if out.persist and (self._root / out.path).exists():
                    self._bring_in(out.path, files_of(out.path))

    def bring_out(self) -> None:
        """Move the outputs to where the project has them."""
        for out in self._stage.outs:
            made = self.folder / out.path
            if _is_inside(out.path) and made.exists():
                target = self._root / out.path
                target.parent.mkdir(parents=True, exist_ok=True)
                if out.persist and target.exists():
                    _remove(target)
                made.replace(target)

    def remove(self) -> None:
        """Take the folder away."""
        if self.folder.exists():
            _remove(self.folder)

    def _write_params(self, file: str, values: Mapping[str, Any]) -> None:
        target = self.folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix in {".yaml", ".yml", ".json"}:
            tree: dict[str, Any] = {}
            for key, value in values.items():
                _plant(tree, key.split("."), value)
            target.write_bytes(msgspec.json.encode(tree))  # JSON is YAML too
        else:
            _copy(self._root / file, target)

    def _bring_in(self, path: str, files: Iterable[str]) -> None:
        source, target = self._root / path, self.folder / path
        if not source.is_dir():
            _copy(source, target)
            return
        target.mkdir(parents=True, exist_ok=True)
        for name in files:
            _copy(source / name, target / name)


def _is_inside(path: str) -> bool:
    return not path.startswith(("/", "../")) and path != ".."


def _plant(tree: dict[str, Any], names: list[str], value: Any) -> None:
    for name in names[:-1]:
        tree = tree.setdefault(name, {})
    tree[names[-1]] = value


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = source.stat().st_mode & 0o777
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            clone(reading, writing)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _remove(path: Path) -> None:
    from shutil import rmtree

    if path.is_dir() and not path.is_symlink():
        rmtree(path)
    else:
        path.unlink()
