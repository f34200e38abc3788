"""The software that a stage runs in, as far as it goes into the stage's key."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from trueup.config.records import KeyKind

LOCKS = (
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pixi.lock",
    "conda-lock.yml",
    "pylock.toml",
    "requirements.lock",
)
_PATIENCE_S = 30
HASHED = "requirements.txt"  # counts as a lock where it pins hashes


class Software(msgspec.Struct, frozen=True):
    """What can be said of the environment; each kind of key takes a part of it."""

    lock: str = ""  # path
    lock_digest: str = ""
    python: str = ""  # 3.11
    platform: str = ""  # linux-x86_64

    def part(self, kind: KeyKind) -> dict[str, str]:
        """Return what goes into the key: all, what a Mac and a Linux CI may share, or nothing."""
        if kind == "none":
            return {}
        shared = {"lock": self.lock_digest, "python": self.python}
        whole = shared if kind == "python" else {**shared, "platform": self.platform}
        return {name: value for name, value in whole.items() if value}


def find_lock(root: Path) -> str:
    """Return the path of the project's lock file; the nearest upward, as its tools do; or ''."""
    folder = root
    while True:
        for name in LOCKS:
            if (folder / name).is_file():
                return os.path.relpath(folder / name, root)
        hashed = folder / HASHED
        if hashed.is_file() and b"--hash=" in hashed.read_bytes():
            return os.path.relpath(hashed, root)
        if (folder / ".git").exists() or folder.parent == folder:
            return ""
        folder = folder.parent


def software(
    root: Path,
    lock: str,
    digest: Callable[[Path], str],
    env: Mapping[str, str],
    state: Path,
) -> Software:
    """Look at the lock file, the ``python`` that stages will find, and this platform."""
    found = lock or find_lock(root)
    return Software(
        lock=found,
        lock_digest=digest(root / found) if found else "",
        python=stage_python(root, env, state),
        platform=f"{sys.platform}-{os.uname().machine}",
    )


class _Known(msgspec.Struct):
    question: str
    version: str


def stage_python(root: Path, env: Mapping[str, str], state: Path) -> str:
    """Return major.minor of the ``python`` on PATH, asked once and remembered until it changes."""
    path = python_on_path(env)
    if path is None:
        return ""
    version = _from_venv(path)
    if version:
        return version
    if path.resolve() == Path(sys.executable).resolve():
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    question = _question(path, root, env)
    memory = state / "python.json"
    try:
        known = msgspec.json.decode(memory.read_bytes(), type=_Known)
        if known.question == question:
            return known.version
    except (OSError, msgspec.DecodeError):
        pass
    version = _ask(path, root, env)
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_bytes(msgspec.json.encode(_Known(question, version)))
    except OSError:
        return version  # it only saves time
    return version


def python_on_path(env: Mapping[str, str]) -> Path | None:
    """Return the Python that stages find."""
    return _which("python", env) or _which("python3", env)


def python_version(path: Path, root: Path, env: Mapping[str, str]) -> str:
    """Return a Python's major.minor; empty where it does not answer."""
    return _from_venv(path) or _ask(path, root, env)


def _which(name: str, env: Mapping[str, str]) -> Path | None:
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        path = Path(folder or ".", name)
        if os.access(path, os.X_OK) and path.is_file():
            return path
    return None


def _from_venv(path: Path) -> str:
    try:
        text = (path.parent.parent / "pyvenv.cfg").read_text("utf-8")
    except OSError:
        return ""
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name.strip() in {"version", "version_info"}:
            return ".".join(value.strip().split(".")[:2])
    return ""


def _question(path: Path, root: Path, env: Mapping[str, str]) -> str:
    """Return all that the answer depends on, version switchers' files included."""
    marks = [str(path), env.get("PYENV_VERSION", ""), env.get("ASDF_PYTHON_VERSION", "")]
    switches = [folder / ".python-version" for folder in (root, *root.parents)]
    pyenv = Path(env.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "version"
    for file in (path, pyenv, root / ".tool-versions", *switches):
        try:
            at = file.stat()
        except OSError:
            continue
        marks.append(f"{file}:{at.st_mtime_ns}:{at.st_ino}")
    return "\n".join(marks)


def _ask(path: Path, root: Path, env: Mapping[str, str]) -> str:
    import subprocess

    asked = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [str(path), "-I", "-S", "-c", asked],
            cwd=root,
            env=dict(env),
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # a python that does not answer will fail in its stage, with its own words
    return answer.stdout.strip()
