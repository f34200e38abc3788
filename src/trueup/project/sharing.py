"""The verbs push, pull and lock: what the lock names, there and here."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from trueup import git
from trueup.errors import WrongUsage
from trueup.pipeline.checkout_lock import checkout_lock
from trueup.pipeline.inputs import Locked
from trueup.pipeline.lock import (
    FILE,
    LockFile,
    merge_locks,
    parse_lock,
    read_lock,
    write_lock,
    write_lock_to,
)
from trueup.pipeline.perform import is_kept
from trueup.project.workspace import Workspace, prepare_own_folder
from trueup.store.artifacts import Artifact
from trueup.store.bucket import Bucket

MERGE_DRIVER = "trueup lock --merge %O %A %B"
_ATTRIBUTES = f"{FILE} merge=trueup\n"


class Moved(msgspec.Struct, frozen=True):
    """What a push or a pull did."""

    artifacts: int
    size_bytes: int
    left: tuple[str, ...] = ()  # paths that were changed by hand and left alone
    sealed: tuple[str, ...] = ()  # files that name sealed rows, which are new here: for Git


def push(workspace: Workspace, stages: tuple[str, ...] = ()) -> Moved:
    """Upload what the lock names and the bucket lacks: content first, then the cache records.

    Test rows that are to be sealed go where only CI may read, if they are here.
    """
    remote = workspace.remote
    if remote is None:
        raise WrongUsage(
            f"the store is a folder of this machine ({workspace.store_url}); there is nowhere to"
            " push to",
            remedy="Name the team's bucket: store: s3://bucket/prefix, or TRUEUP_STORE=...",
            place=workspace.project.file,
        )
    moved: list[Artifact] = []
    for name, locked in _chosen(workspace, stages):
        stage = workspace.project.stages.get(name)
        outs = {o.path for o in stage.outs if o.push and is_kept(o)} if stage else set(locked.outs)
        artifacts = [a for path, a in locked.outs.items() if path in outs]
        artifacts += locked.sources.values()
        moved += [a for a in artifacts if not workspace.content.reachable(a, remote)]
        record = workspace.results.earlier(locked.key)
        if record is not None:
            workspace.results.share(record, artifacts)
        else:
            workspace.content.push(artifacts, remote)
    sealed = () if stages else _sealed(workspace, remote)
    return Moved(len(moved), sum(a.size_bytes for a in moved), sealed=sealed)


def _sealed(workspace: Workspace, remote: Bucket) -> tuple[str, ...]:
    """Seal the rows that are here; return the files that name them, where those are new."""
    found = []
    for model in workspace.project.models.values():
        entry = model.evaluate
        if entry is None or entry.holdout == "open" or not (workspace.root / entry.data).exists():
            continue
        from trueup.delivery.sealed import SUFFIX, check_sealable, seal, sealed_rows

        check_sealable(model, workspace.graph, lambda paths: git.tracked(workspace.root, paths))
        before = sealed_rows(workspace.root, entry.data)
        if seal(workspace.root, entry.data, remote) != before:
            found.append(f"{entry.data}{SUFFIX}")
    return tuple(found)


def pull(
    workspace: Workspace,
    stages: tuple[str, ...] = (),
    *,
    force: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Moved:
    """Put in place what the lock names and this checkout lacks, inputs outside Git included.

    A path that was changed by hand is left alone, and named, unless forced.
    """
    own = prepare_own_folder(workspace.root)
    with checkout_lock(own, "pull", wait=True, say=say):
        return _pulled(workspace, stages, force=force, say=say)


def _pulled(
    workspace: Workspace, stages: tuple[str, ...], *, force: bool, say: Callable[[str], None]
) -> Moved:
    placed: list[Artifact] = []
    left: list[str] = []
    for _, locked in _chosen(workspace, stages):
        for path, artifact in {**locked.sources, **locked.outs}.items():
            there = workspace.scanner.scan(workspace.root / path)
            if there is not None and there.digest == artifact.digest:
                continue
            if there is not None and not force:
                left.append(path)
            elif workspace.results.kept(artifact):
                say(path)
                workspace.results.place(artifact, workspace.root / path)
                placed.append(artifact)
    return Moved(len(placed), sum(a.size_bytes for a in placed), tuple(left))


def merge_lock_files(base: Path, ours: Path, theirs: Path) -> LockFile:
    """Merge as Git's driver is asked to: the result replaces ours."""
    sides = [parse_lock(path.read_bytes(), str(path)) for path in (base, ours, theirs)]
    merged = merge_locks(*sides)
    write_lock_to(ours, merged)
    return merged


def merge_conflicted(root: Path) -> LockFile:
    """Resolve the lock that a merge left in conflict, from the three sides that Git still has."""
    sides = [git.stage_of(root, number, FILE) for number in (1, 2, 3)]
    if sides[1] is None and sides[2] is None:
        raise WrongUsage(
            f"Git has no conflict in {FILE}",
            remedy="Merge first; or give three files: trueup lock --merge BASE OURS THEIRS",
        )
    base, ours, theirs = (
        parse_lock(body, FILE) if body is not None else LockFile() for body in sides
    )
    merged = merge_locks(base, ours, theirs)
    with checkout_lock(prepare_own_folder(root), "merge", wait=True, say=lambda _: None):
        write_lock(root, merged)
    return merged


def install_merge_driver(root: Path) -> None:
    """Let Git merge trueup.lock by trueup: the clone's configuration, and .gitattributes."""
    git.configure(root, "merge.trueup.name", "trueup: three-way merge of locks, stage by stage")
    git.configure(root, "merge.trueup.driver", MERGE_DRIVER)
    attributes = root / ".gitattributes"
    text = attributes.read_text("utf-8") if attributes.exists() else ""
    if _ATTRIBUTES not in text:
        gap = "\n" if text and not text.endswith("\n") else ""
        attributes.write_text(f"{text}{gap}{_ATTRIBUTES}", "utf-8")


def _chosen(workspace: Workspace, stages: tuple[str, ...]) -> Iterator[tuple[str, Locked]]:
    lock = read_lock(workspace.root)
    unknown = [name for name in stages if name not in lock.stages]
    if unknown:
        raise WrongUsage(
            f"{FILE} has no stage {unknown[0]!r}",
            remedy=f"It has: {', '.join(sorted(lock.stages)) or 'none; run first: trueup run'}",
        )
    for name, locked in lock.stages.items():
        if not stages or name in stages:
            yield name, locked
