"""Look at the machine and the store that a diagnosis is about; everything here asks the world."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trueup import ids
from trueup.config.records import Project
from trueup.errors import TrueupError
from trueup.project.doctor import Finding, Installer, Machine, diagnose, in_order, looked_for

if TYPE_CHECKING:
    from trueup.store.audit import Finding as Broken
    from trueup.store.bucket import Bucket

# A line that pins a version for every platform; those with a marker behind a semicolon are not.
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?!.*;)", re.MULTILINE)
_ASK_FOR_PACKAGES = """
import sys
from importlib.metadata import PackageNotFoundError, version
for word in sys.argv[1:]:
    name, _, wanted = word.partition("==")
    try:
        found = version(name)
    except PackageNotFoundError:
        found = ""
    if found != wanted:
        print(word)
"""
PROJECT_SERVES = "everything: the stages and where results are kept"
STORE_SERVES = "keeping results and runs, sharing them"


def examine(start: Path, env: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return everything found on this machine, in the project that start lies in, and its store.

    A project that cannot be read, or none at all, is a finding like any other.
    """
    from trueup.project.lifesigns import look_at_heartbeats
    from trueup.project.workspace import open_workspace

    project, own, root = None, [], start
    try:
        workspace = open_workspace(start, env)
        project, root = workspace.project, workspace.root
        own.append(Finding("project", "ok", PROJECT_SERVES, str(root / project.file)))
        own += look_at_store(workspace.store_url, root=root, env=env)
        own += look_at_packages(project, env)
        own += look_at_heartbeats(workspace)
    except TrueupError as error:
        where = f"{error.place}: " if error.place else ""
        detail = where + error.problem
        own.append(Finding("project", "missing", PROJECT_SERVES, detail, error.remedy))
    machine = look_around(looked_for(project), root, env)
    return in_order((*own, *diagnose(project, machine)))


def look_around(programs: Iterable[str], root: Path, env: Mapping[str, str]) -> Machine:
    """Return what of these programs, trueup's extras and Git is to be had at this place."""
    path = env.get("PATH")
    places = {name: shutil.which(name, path=path) for name in programs}
    installers: tuple[Installer, ...] = ("apt-get", "brew")
    return Machine(
        python=sys.version_info[:3],
        programs={name: where for name, where in places.items() if where},
        environment=frozenset(name for name, value in env.items() if value),
        repository=any((folder / ".git").exists() for folder in (root, *root.parents)),
        installer=next((name for name in installers if shutil.which(name, path=path)), ""),
        extras=missing_by_extra(),
    )


def missing_by_extra() -> dict[str, tuple[str, ...]]:
    """Return for each extra of the installed trueup which of its packages are not installed."""
    from importlib.metadata import PackageNotFoundError, metadata, version

    def installed(name: str) -> bool:
        try:
            version(name)
        except PackageNotFoundError:
            return False
        return True

    said = metadata("trueup")
    wants: dict[str, list[str]] = {name: [] for name in said.get_all("Provides-Extra") or ()}
    for requirement in said.get_all("Requires-Dist") or ():
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", requirement)
        name = re.match(r"[\w.-]+", requirement)
        if extra and name and not installed(name.group()):
            wants[extra.group(1)].append(name.group())
    return {extra: tuple(names) for extra, names in wants.items()}


def audit_store(start: Path, env: Mapping[str, str], sample: int | None) -> "list[Broken]":
    """Return what is wrong in the bucket of the project that start lies in; changes nothing.

    sample is how many objects are read whole and compared with their names; None reads all.
    """
    from trueup.project.workspace import open_workspace
    from trueup.store.audit import audit

    return list(audit(open_workspace(start, env).bucket, sample=sample))


def look_at_store(url: str, *, root: Path, env: Mapping[str, str]) -> Iterator[Finding]:
    """Yield whether the store answers and can be written; writes one small file, removed at once.

    A bucket in a cloud is only read: its first use proves conditional create by itself.
    """
    from trueup.store.opening import open_bucket

    try:
        bucket = open_bucket(url, root=root, env=env)
        _ask(bucket)
    except TrueupError as error:
        yield Finding("store", "missing", STORE_SERVES, error.problem, error.remedy)
        return
    yield Finding("store", "ok", STORE_SERVES, bucket.url)
    folder = getattr(bucket, "root", None)
    if isinstance(folder, Path):
        yield _hard_links(folder)


def look_at_packages(project: Project, env: Mapping[str, str]) -> Iterator[Finding]:
    """Yield whether the stages' Python holds what a requirements file with hashes pins.

    Other lock files know platforms and groups that only their own tools can choose from.
    """
    from trueup.pipeline.environment import find_lock

    lock = project.environment.lock or find_lock(project.root)
    python = shutil.which("python", path=env.get("PATH"))
    if not lock.endswith(".txt") or not (project.root / lock).is_file() or not python:
        return
    pinned = _PINNED.findall((project.root / lock).read_text("utf-8", "replace"))
    lacking = _lacking(python, dict(pinned), env)
    subject, serves = "packages", "stages that run python, as the lock file pins them"
    if not lacking:
        yield Finding(subject, "ok", serves, lock)
        return
    more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
    detail = f"{python} lacks {', '.join(lacking[:3])}{more}"
    yield Finding(subject, "missing", serves, detail, f"python -m pip install -r {lock}")


def _lacking(python: str, pinned: Mapping[str, str], env: Mapping[str, str]) -> list[str]:
    """Return the packages that another Python does not have in the pinned version."""
    import subprocess

    words = [f"{name}=={version}" for name, version in pinned.items()]
    command = [python, "-c", _ASK_FOR_PACKAGES, *words]
    done = subprocess.run(
        command, env=dict(env), capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout.split() if done.returncode == 0 else words


def _ask(bucket: "Bucket") -> None:
    from trueup.store.bucket import Missing

    try:
        bucket.get("doctor/absent")
    except Missing:
        return


def _hard_links(folder: Path) -> Finding:
    """Try a hard link where the folder lies, or in its nearest parent that exists."""
    subject, serves = "hard links", "a store in a folder: records that are written only once"
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    one = folder / f".trueup-doctor-{ids.nonce()}"
    two = one.with_name(f"{one.name}-link")
    try:
        one.touch(exist_ok=False)
        os.link(one, two)
    except OSError as error:
        remedy = "set store: in trueup.yaml to a folder on a local disk, or to s3://BUCKET/PREFIX"
        return Finding(subject, "missing", serves, f"{folder}: {error.strerror}", remedy)
    finally:
        two.unlink(missing_ok=True)
        one.unlink(missing_ok=True)
    return Finding(subject, "ok", serves, str(folder))
