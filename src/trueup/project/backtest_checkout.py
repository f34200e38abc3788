"""A scratch copy of a checkout, with a store of its own: nothing of the real one is touched."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import copy2, rmtree

from trueup.project.workspace import OWN_FOLDER, STORE_VARIABLE, Workspace
from trueup.store.ignore import ALWAYS

_LEFT_OUT = ALWAYS | {"__pycache__", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
_ENVIRONMENT = "pyvenv.cfg"  # lies in a virtual environment, which is used from where it is
_LOCK = "trueup.lock"


class Checkout:
    """A copy of a project at a place of its own; stages run there as they do at home."""

    def __init__(self, source: Workspace, place: Path, store: Path) -> None:
        self.root = place
        self._env = {**source.env, STORE_VARIABLE: str(store.absolute())}
        rmtree(place, ignore_errors=True)
        for path in files_of(source):
            target = place / path
            target.parent.mkdir(parents=True, exist_ok=True)
            copy2(source.root / path, target)
        self._params = {
            file: (place / file).read_bytes()
            for file in source.project.params
            if (place / file).is_file()
        }

    def opened(self) -> Workspace:
        """Return the copy, opened anew."""
        return Workspace(self.root, self._env, self.root)

    def reset(self) -> None:
        """Let the parameters be as the project has them: another policy may have set others."""
        for file, body in self._params.items():
            if (self.root / file).read_bytes() != body:
                (self.root / file).write_bytes(body)

    def remove(self) -> None:
        """Remove the copy; what its stages have made stays in the store."""
        rmtree(self.root, ignore_errors=True)


def files_of(source: Workspace) -> list[str]:
    """Return the files that a copy has: all but what stages write, Git's, and environments."""
    made = {
        out.path for stage in source.graph.stages.values() for out in stage.outs if not out.external
    }
    return sorted(_below(source.root, "", made))


def digest_of(source: Workspace, also: Mapping[str, str], without: str = "") -> str:
    """Return what tells a project, as it stands, and a question about it from all others.

    ``without`` is a file that no stage reads: that of policies, which may become more.
    """
    from blake3 import blake3

    found = blake3()
    for path in files_of(source):
        if without and (source.root / path).samefile(without):
            continue
        body = blake3((source.root / path).read_bytes()).hexdigest()
        found.update(f"{len(path)} {path} {body}\n".encode())
    for key, value in sorted(also.items()):
        found.update(f"{len(key)} {key} {len(value)} {value}\n".encode())
    return found.hexdigest()[:20]


def _below(root: Path, folder: str, made: set[str]) -> Iterator[str]:
    for entry in sorted((root / folder).iterdir()):
        path = f"{folder}/{entry.name}".lstrip("/")
        if entry.name in _LEFT_OUT or path in made or path in (_LOCK, OWN_FOLDER):
            continue
        if entry.is_dir():
            if not (entry / _ENVIRONMENT).exists():
                yield from _below(root, path, made)
        elif entry.is_file():
            yield path
