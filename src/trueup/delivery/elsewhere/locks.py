"""The lock file that a commit has, and which packages it pins."""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trueup import git
from trueup.pipeline.environment import HASHED, LOCKS
from trueup.store.hashing import digest_bytes

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Lock:
    """A lock file's content, and the project file beside it where its tool needs that."""

    path: str  # relative to the project
    body: bytes
    project: bytes = b""  # pyproject.toml

    @property
    def name(self) -> str:
        """The file's name, which tells whose lock it is."""
        return self.path.rpartition("/")[2]

    @property
    def is_hashed(self) -> bool:
        """Whether it is a list of requirements with the hash of each."""
        return b"--hash=" in self.body

    @property
    def digest(self) -> str:
        """A digest of all that an environment is made of, Python apart."""
        return digest_bytes(b"\0".join((self.name.encode(), self.body, self.project)))

    def pins(self) -> dict[str, set[str]]:
        """Return each package with the versions that it is pinned at, on whatever platform."""
        text = self.body.decode("utf-8", "replace")
        found: dict[str, set[str]] = defaultdict(set)
        if self.name.endswith((".lock", ".toml")) and not self.is_requirements:
            for name, version in _tabled(text):
                found[normal(name)].add(version)
        else:
            for name, version in _PIN.findall(text):
                found[normal(name)].add(version)
        return dict(found)

    @property
    def is_requirements(self) -> bool:
        """Whether pip reads it."""
        return self.name in (HASHED, "requirements.lock") or self.name.endswith(".txt")


def normal(package: str) -> str:
    """Return a package's name as all spellings of it agree."""
    return re.sub(r"[-_.]+", "-", package).lower()


def lock_at(root: Path, commit: str, path: str = "") -> Lock | None:
    """Return the lock file that a commit has: the one named, else the nearest upward."""
    return _found(path, root, lambda one: git.read_at(root, commit, one))


def lock_here(root: Path, path: str = "") -> Lock | None:
    """Return the lock file that lies in this checkout now."""

    def read(one: str) -> bytes | None:
        try:
            return (root / one).read_bytes()
        except OSError:
            return None

    return _found(path, root, read)


def _found(path: str, root: Path, read: Callable[[str], bytes | None]) -> Lock | None:
    for one in [path] if path else _places(root):
        body = read(one)
        if body is None or (one.endswith(HASHED) and not path and b"--hash=" not in body):
            continue
        beside = one.removesuffix("uv.lock") + "pyproject.toml"
        needs = one.endswith("uv.lock")
        return Lock(path=one, body=body, project=(read(beside) or b"") if needs else b"")
    return None


def _places(root: Path) -> list[str]:
    """Return where a lock may lie, in the order in which a run looks for one."""
    top = git.top(root)
    above = 0 if top is None else len(root.resolve().relative_to(top.resolve()).parts)
    return ["../" * up + name for up in range(above + 1) for name in (*LOCKS, HASHED)]


def _tabled(text: str) -> list[tuple[str, str]]:
    import tomllib

    try:
        packages = tomllib.loads(text).get("package", tomllib.loads(text).get("packages", []))
    except tomllib.TOMLDecodeError:
        return []
    there = [one for one in packages if isinstance(one, dict) and "version" in one]
    return [(str(one.get("name", "")), str(one["version"])) for one in there]
