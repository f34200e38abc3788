"""Virtual environments made of lock files, kept under .trueup/environments for the next time."""

import fcntl
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from trueup import clock
from trueup.delivery.elsewhere.locks import Lock
from trueup.errors import WrongUsage
from trueup.pipeline.environment import python_on_path, python_version
from trueup.pipeline.masking import Mask
from trueup.pipeline.process import Command, Supervisor
from trueup.store.hashing import digest_bytes

_PATIENCE_S = 1800.0
_TAIL_BYTES = 2000
_UNUSED_S = 30 * 86400.0  # an environment that nobody used for so long goes
_COMPLETE = "trueup-complete"
_LEADS_ASTRAY = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT", "UV_PROJECT")
_SECRET = re.compile(r"(TOKEN|PASSWORD|SECRET|KEY)$", re.IGNORECASE)
_USER = re.compile(rb"(?<=://)[^/\s@]+@")


class EnvironmentFailed(WrongUsage):
    """An environment could not be made of a lock file."""


@dataclass(frozen=True, kw_only=True)
class Builder:
    """Makes environments for one project."""

    root: Path
    own: Path  # .trueup
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    say: Callable[[], None] = lambda: None  # before what takes long

    def python_of(self, lock: Lock, version: str) -> Path:
        """Return the Python of the environment that a lock file describes, made if need be."""
        installer = self._installer(lock)
        wanted = digest_bytes(
            f"{lock.digest} {version} {sys.platform} {os.uname().machine}".encode()
        )
        folder = self.own / "environments" / wanted[:32]
        python = folder / "bin" / "python"
        with _alone(folder.with_suffix(".lock")):
            if not (folder / _COMPLETE).exists():
                self.say()
                shutil.rmtree(folder, ignore_errors=True)
                _remove_unused(folder.parent)
                self._make(folder, version)
                installer(self, lock, folder)
            (folder / _COMPLETE).touch()
        return python

    def surroundings(self, python: Path) -> dict[str, str]:
        """Return the variables under which an environment's programs are found first."""
        kept = {name: value for name, value in self.env.items() if name not in _LEADS_ASTRAY}
        path = os.pathsep.join((str(python.parent), self.env.get("PATH", os.defpath)))
        return {**kept, "PATH": path, "VIRTUAL_ENV": str(python.parent.parent)}

    def _installer(self, lock: Lock) -> Callable[["Builder", Lock, Path], None]:
        if lock.is_requirements and lock.is_hashed:
            return Builder._from_requirements
        if lock.is_requirements:
            raise EnvironmentFailed(
                f"{lock.path} pins no hashes, so it does not say which files an environment has",
                remedy="Write it with: uv pip compile --generate-hashes",
            )
        if lock.name not in ("uv.lock", "pylock.toml"):
            raise EnvironmentFailed(
                f"environments are not made from {lock.name}, only from uv.lock, pylock.toml and "
                "requirements with hashes",
                remedy="Export it: a requirements.txt with hashes beside it, and name that under "
                "environment: {lock: requirements.txt}",
            )
        if not self._uv():
            raise EnvironmentFailed(
                f"an environment from {lock.name} needs uv, which is not on PATH",
                remedy="Install it: pip install uv",
            )
        return Builder._from_uv_lock if lock.name == "uv.lock" else Builder._from_pylock

    def _make(self, folder: Path, version: str) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        base = self._base(version)
        if self._uv():
            self._run([*self._uv(), "venv", "--quiet", "--python", base or version, str(folder)])
            return
        if base is None:
            raise EnvironmentFailed(
                f"there is no Python {version} here",
                remedy=f"Put python{version} on PATH, or install uv, which brings it.",
            )
        self._run([base, "-m", "venv", str(folder)])

    def _base(self, version: str) -> str | None:
        """Return a Python of this version, or None where only uv may know one."""
        named = shutil.which(f"python{version}", path=self.env.get("PATH"))
        known = [python_on_path(self.env), Path(sys.executable), Path(named) if named else None]
        for one in known:
            if one and (not version or python_version(one, self.root, self.env) == version):
                return str(one)
        return None

    def _from_requirements(self, lock: Lock, folder: Path) -> None:
        with _file(folder, "requirements.txt", lock.body) as listed:
            install = ["install", "--require-hashes", "-r", str(listed)]
            python = str(folder / "bin" / "python")
            if self._uv():
                self._run([*self._uv(), "pip", *install, "--quiet", "--python", python])
            else:
                self._run([python, "-m", "pip", *install, "--no-input", "--quiet"])

    def _from_pylock(self, lock: Lock, folder: Path) -> None:
        python = str(folder / "bin" / "python")
        with _file(folder, "pylock.toml", lock.body) as listed:
            install = ["pip", "install", "-r", str(listed), "--quiet", "--python", python]
            self._run([*self._uv(), *install])

    def _from_uv_lock(self, lock: Lock, folder: Path) -> None:
        with (
            _file(folder, "uv.lock", lock.body) as listed,
            _file(folder, "pyproject.toml", lock.project),
        ):
            # --frozen: the lock as it is; the project itself is asked for in its worktree
            sync = ["sync", "--frozen", "--no-install-project", "--no-install-workspace", "--quiet"]
            into = {"UV_PROJECT_ENVIRONMENT": str(folder)}
            self._run([*self._uv(), *sync, "--project", str(listed.parent)], into)

    def _uv(self) -> list[str]:
        found = shutil.which("uv", path=self.env.get("PATH"))
        if found:
            return [found]
        return [sys.executable, "-m", "uv"] if find_spec("uv") else []

    def _run(self, argv: Sequence[str], more: Mapping[str, str] | None = None) -> None:
        """Run an installer; what it says is shown only if it fails, its end, secrets masked."""
        printed = bytearray()

        def keep(chunk: bytes) -> None:
            printed.extend(chunk)
            del printed[: -4 * _TAIL_BYTES]

        name = f"environment-{os.getpid()}"
        env = {name: value for name, value in self.env.items() if name not in _LEADS_ASTRAY}
        env = {**env, "UV_NO_PROGRESS": "1", "TRUEUP_RUN": name, **(more or {})}
        supervisor = Supervisor(name)
        try:
            command = Command(tuple(argv), self.root, env, _PATIENCE_S)
            done = supervisor.execute(command, keep)
        finally:
            supervisor.close()
        if done.exit_code or done.timed_out:
            why = "took too long" if done.timed_out else f"failed with exit code {done.exit_code}"
            raise EnvironmentFailed(
                f"{Path(argv[0]).name} {why}:\n{self._tail(bytes(printed))}",
                remedy="Its last words are above; it needs the package index that the lock names.",
            )

    def _tail(self, printed: bytes) -> str:
        values = [value for name, value in self.env.items() if value and _SECRET.search(name)]
        masked = Mask([*values, *self.secrets]).whole(_USER.sub(b"***@", printed))
        return masked[-_TAIL_BYTES:].decode("utf-8", "replace").strip()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock file; another process that wants the same environment waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _file(folder: Path, name: str, body: bytes) -> Iterator[Path]:
    """Give a file for an installer to read, beside the environment that it fills."""
    place = folder.with_suffix(".from") / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(body)
    try:
        yield place
    finally:
        shutil.rmtree(place.parent, ignore_errors=True)


def _remove_unused(folder: Path) -> None:
    before = clock.now().timestamp() - _UNUSED_S
    for one in folder.iterdir() if folder.is_dir() else ():
        used = one / _COMPLETE
        if used.exists() and used.stat().st_mtime < before:
            shutil.rmtree(one, ignore_errors=True)
