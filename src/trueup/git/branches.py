"""Commits that are made without a checkout: files over a base, by anybody, on no branch yet."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trueup.errors import WrongUsage
from trueup.git import NotARevision, resolve, run_git


class Person(msgspec.Struct, frozen=True):
    """Who a commit is by, and when; the same person at the same moment makes the same commit."""

    name: str
    email: str
    at: datetime


def commit_files(
    root: Path, base: str, files: Mapping[str, bytes | None], message: str, by: Person
) -> str:
    """Return a new commit over base that has these files; None takes one away.

    Paths are relative to root. Neither the checkout nor its index is touched and no hook runs;
    the commit is on no branch until one is pushed. Filters of ``.gitattributes`` apply. Equal
    arguments return the same commit. Raises NotARevision.
    """
    from tempfile import TemporaryDirectory

    parent = resolve(root, base)
    prefix = _said(root, ["rev-parse", "--show-prefix"]).rstrip("\n")
    with TemporaryDirectory(prefix="trueup-index-") as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        _said(root, ["read-tree", parent], environment=index)
        modes = _modes(root, [prefix + path for path in files], index)
        entries = b"".join(
            _entry(root, prefix + path, content, modes) for path, content in files.items()
        )
        _said(root, ["update-index", "-z", "--index-info"], stdin=entries, environment=index)
        tree = _said(root, ["write-tree"], environment=index).strip()
    words = ["commit-tree", tree, "-p", parent, "-F", "-"]
    return _said(root, words, stdin=message.encode(), environment=_of(by)).strip()


def files_of(root: Path, base: str, commit: str) -> frozenset[str]:
    """Return the paths that differ between two commits, relative to the repository's top."""
    words = ["diff-tree", "-r", "-z", "--name-only", "--no-renames"]
    said = _said(root, [*words, resolve(root, base), resolve(root, commit)])
    return frozenset(path for path in said.split("\0") if path)


def _entry(root: Path, path: str, content: bytes | None, modes: Mapping[str, str]) -> bytes:
    """Return a line that update-index takes; a file keeps the mode that it had."""
    if path.startswith(("/", "../")) or "\0" in path or path.split("/")[0] == ".git":
        raise WrongUsage(f"{path!r} is no path to commit", remedy="Name it from the project's root")
    if content is None:
        return b"0 " + b"0" * 40 + b"\t" + path.encode("utf-8", "surrogateescape") + b"\0"
    words = ["hash-object", "-w", "--stdin", f"--path={path}"]
    blob = _said(root, words, stdin=content).strip()
    mode = modes.get(path, "100644")
    return f"{mode} {blob}\t{path}".encode("utf-8", "surrogateescape") + b"\0"


def _modes(root: Path, paths: list[str], index: Mapping[str, str]) -> dict[str, str]:
    """Return the modes of those of the paths that are files already."""
    literal = [f":(top,literal){path}" for path in paths]
    said = _said(root, ["ls-files", "-s", "-z", "--full-name", "--", *literal], environment=index)
    found = {}
    for line in said.split("\0"):
        head, _, path = line.partition("\t")
        if path and head.startswith("100"):
            found[path] = head.split()[0]
    return found


def _of(by: Person) -> dict[str, str]:
    at = by.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    return {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", by.name), ("EMAIL", by.email), ("DATE", at))
    }


def _said(
    root: Path,
    words: list[str],
    *,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> str:
    """Return what git printed; where it failed, say what it said."""
    try:
        done = run_git(root, words, stdin=stdin, environment=environment)
    except FileNotFoundError as missing:
        raise NotARevision("HEAD", "git is not installed") from missing
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise WrongUsage(
            f"git {words[0]} failed: {said[-300:]}",
            remedy="Run it by hand in the project's repository to see more",
        )
    return done.stdout.decode("utf-8", "surrogateescape")
