"""Look at the machine and the store that a diagnosis is about; everything here asks the world."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trueup import ids
from trueup.errors import TrueupError
from trueup.project.doctor import Finding, Installer, Machine, diagnose, in_order, looked_for

if TYPE_CHECKING:
    from trueup.store.bucket import Bucket

PROJECT_SERVES = "everything: the stages and where results are kept"
STORE_SERVES = "keeping results and runs, sharing them"


def examine(start: Path, env: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return everything found on this machine, in the project that start lies in, and its store.

    A project that cannot be read, or none at all, is a finding like any other.
    """
    from trueup.project.workspace import open_workspace

    project, own, root = None, [], start
    try:
        workspace = open_workspace(start, env)
        project, root = workspace.project, workspace.root
        own.append(Finding("project", "ok", PROJECT_SERVES, str(root / project.file)))
        own += look_at_store(workspace.store_url, root=root, env=env)
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
