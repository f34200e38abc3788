"""Commits, diffs and branches of the repository that a project lies in; by the git command."""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from trueup.errors import WrongUsage

# a hook's git sets these for the repository it works on, which need not be the project's
_OF_A_HOOK = {"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"}


class Head(msgspec.Struct, frozen=True):
    """Where a checkout stands."""

    commit: str = ""  # empty: no commit yet, or no repository
    branch: str = ""  # empty: detached
    dirty: bool = False


class NotARevision(WrongUsage):
    """Git knows no such commit, branch or tag here."""

    def __init__(self, revision: str, said: str) -> None:
        super().__init__(
            f"git knows no revision {revision!r} here{': ' + said if said else ''}",
            remedy="List what there is with: git log --oneline --all",
        )


def head(root: Path) -> Head:
    """Return commit, branch and whether tracked files differ; empty outside a repository."""
    said = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if said is None:
        return Head()
    found = {"branch.oid": "", "branch.head": ""}
    dirty = False
    for line in said.decode("utf-8", "replace").splitlines():
        if line.startswith("# "):
            name, _, value = line[2:].partition(" ")
            found[name] = value
        else:
            dirty = True
    commit = found["branch.oid"].replace("(initial)", "")
    return Head(commit, found["branch.head"].replace("(detached)", ""), dirty)


def tracked(root: Path, paths: Iterable[str]) -> frozenset[str]:
    """Return those of the paths that Git tracks whole.

    A folder is tracked if something in it is, and nothing in it is not: a ``.gitkeep`` does not
    make the data beside it Git's.
    """
    wanted = [path for path in paths if not path.startswith(("/", "../")) and path != ".."]
    if not wanted:
        return frozenset()
    literal = [f":(literal){path}" for path in wanted]
    files = set(_paths(_git(root, "ls-files", "-z", "--", *literal) or b""))
    if not files:
        return frozenset()  # and the others, which may be very many, need not be listed
    others = _paths(_git(root, "ls-files", "-z", "--others", "--", *literal) or b"")
    above = _folders_above(files) - _folders_above(others)
    return frozenset(path for path in wanted if path in files or path in above)


def tracked_files(root: Path) -> list[str]:
    """Return the files under root that Git tracks; none outside a repository."""
    return _paths(_git(root, "ls-files", "-z") or b"")


def _folders_above(files: Iterable[str]) -> set[str]:
    """Return every folder that one of the files lies in, ``.`` included."""
    above: set[str] = set()
    for file in files:
        above.add(".")
        folder = file.rpartition("/")[0]
        while folder and folder not in above:
            above.add(folder)
            folder = folder.rpartition("/")[0]
    return above


def show(root: Path, revision: str, path: str) -> bytes | None:
    """Return a file's bytes at a revision; None where that revision has no such file.

    Path is relative to root. Raises NotARevision.
    """
    return read_at(root, resolve(root, revision), path)


def read_at(root: Path, commit: str, path: str) -> bytes | None:
    """Return a file's bytes in a commit that is known to be one; None if it has no such file."""
    return _git(root, "show", f"{commit}:./{path}")


def resolve(root: Path, revision: str) -> str:
    """Return the full hash of the commit that a revision names; raises NotARevision."""
    if revision.startswith("-"):
        raise NotARevision(revision, "a revision does not begin with a dash")
    said = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if said is None:
        raise NotARevision(revision, "")
    return said.decode().strip()


def changed_files(root: Path, base: str) -> frozenset[str]:
    """Return the paths of the repository that differ from the merge base with a revision.

    Committed, staged, edited and untracked alike; relative to root, those beside it with ``../``.
    Of a file that was moved both names count. Raises NotARevision.
    """
    resolve(root, base)
    fork = _git(root, "merge-base", base, "HEAD")
    since = fork.decode().strip() if fork else base
    whole = top(root) or root
    edited = _git(whole, "diff", "--name-only", "--no-renames", "-z", since, "--") or b""
    fresh = _git(whole, "ls-files", "--others", "--exclude-standard", "-z") or b""
    here = os.path.relpath(os.path.realpath(root), os.path.realpath(whole))
    return frozenset(os.path.relpath(path, here) for path in _paths(edited + fresh))


def top(root: Path) -> Path | None:
    """Return the repository's top folder, or None outside one."""
    said = _git(root, "rev-parse", "--show-toplevel")
    return Path(said.decode("utf-8", "surrogateescape").rstrip("\n")) if said else None


def files_named(root: Path, name: str) -> list[str] | None:
    """Return the files of this name below root that Git does not ignore; None outside Git."""
    said = _git(
        root,
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        name,
        f"**/{name}",
    )
    return None if said is None else _paths(said)


def is_ignored(root: Path, path: str) -> bool:
    """Tell whether Git ignores a path."""
    return _git(root, "check-ignore", "-q", "--", path) is not None


def add_worktree(root: Path, folder: Path, commit: str) -> None:
    """Check a commit out into a folder of its own, detached."""
    done = _run(root, "worktree", "add", "--detach", "--force", str(folder), resolve(root, commit))
    if done.returncode:
        raise WrongUsage(
            f"git could not check {commit} out: {done.stderr.decode('utf-8', 'replace').strip()}",
            remedy="Fetch the commit first: git fetch --unshallow, or git fetch origin",
        )


def remove_worktree(root: Path, folder: Path) -> None:
    """Take a worktree away again."""
    _run(root, "worktree", "remove", "--force", str(folder))


def stage_of(root: Path, number: int, path: str) -> bytes | None:
    """Return one side of a conflict: 1 the base, 2 ours, 3 theirs; None where it is not there."""
    return _git(root, "show", f":{number}:./{path}")


def configure(root: Path, name: str, value: str) -> None:
    """Set an option in the clone's own configuration; raises WrongUsage outside a repository."""
    if _git(root, "config", "--local", name, value) is None:
        raise WrongUsage(f"{root} is in no Git repository", remedy="Make it one first: git init")


def refs(root: Path) -> list[str]:
    """Return the commits of every branch, remote branch and tag that this clone can see."""
    named = "--format=%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
    return sorted(set((_git(root, "for-each-ref", named) or b"").decode().split()))


def author(root: Path) -> str:
    """Return the address of the last commit's author; empty where there is no commit."""
    return (_git(root, "log", "-1", "--format=%ae") or b"").decode("utf-8", "replace").strip()


def address(root: Path) -> str:
    """Return the address that Git would commit with here; empty where none is set."""
    said = os.environ.get("GIT_AUTHOR_EMAIL", "").encode() or _git(root, "config", "user.email")
    return (said or b"").decode("utf-8", "replace").strip()


def _paths(said: bytes) -> list[str]:
    return [path for path in said.decode("utf-8", "surrogateescape").split("\0") if path]


def _git(root: Path, *words: str) -> bytes | None:
    """Return what git printed, or None where it failed or is not installed."""
    try:
        done = _run(root, *words)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def _run(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return run_git(root, words)


def run_git(
    root: Path,
    words: Sequence[str],
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a repository, whatever a hook has set; the environment is laid over ours."""
    ours = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    return subprocess.run(
        ["git", "-C", str(root), *words],
        input=stdin,
        capture_output=True,
        check=False,
        env={**ours, **(environment or {})},
        timeout=timeout_s,
    )


def remote_url(root: Path, remote: str = "origin") -> str:
    """Return the address of a remote, as it is configured; empty where there is none."""
    return (_git(root, "config", f"remote.{remote}.url") or b"").decode().strip()


def default_branch(root: Path, remote: str = "origin") -> str:
    """Return the branch that a remote's HEAD names, else the one that is checked out, else main."""
    named = _git(root, "symbolic-ref", "--short", f"refs/remotes/{remote}/HEAD")
    found = (named or b"").decode().strip().removeprefix(f"{remote}/")
    return found or head(root).branch or "main"
