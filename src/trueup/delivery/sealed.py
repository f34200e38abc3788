"""``holdout: sealed``: test rows that only the identity of CI can read.

The rows lie in the bucket under ``sealed/``, which its policy keeps from everybody else, and what
names them (``FILE.sealed``: digest and size) lies in Git. No stage makes or reads them: whoever
can run that stage would have them.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import msgspec

from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.config.paths import normal
from trueup.delivery.training import holds
from trueup.errors import AccessRefused, NotProven, WrongUsage
from trueup.pipeline.graph import Graph
from trueup.store.bucket import Bucket, Missing
from trueup.store.hashing import digest_stream, explained
from trueup.store.scopes import Scope

FORMAT = 1
PREFIX = "sealed/"
SUFFIX = ".sealed"
_PART_BYTES = 16 << 20


class Access(msgspec.Struct, frozen=True):
    """Whether the evaluation data may be read here, and why; a reason also where it is not safe."""

    may: bool
    why: str = ""


class SealedRows(msgspec.Struct, frozen=True):
    """Which rows are sealed, without them; lies in Git beside where they would."""

    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    format: int = FORMAT


def may_read(entry: EvaluateEntry, scope: Scope, *, remote: bool) -> Access:
    """Return whether the rows may be read in this scope. Where not, they are not even asked for.

    What the scope may really read is the bucket's policy's to say.
    """
    if entry.holdout == "open":
        return Access(may=True)
    if not remote:
        why = "holdout: sealed needs a bucket: whoever has this folder can read the rows"
        return Access(may=True, why=why)
    if scope.is_trusted:
        return Access(may=True)
    return Access(
        may=False,
        why=f"the rows of {entry.data} are sealed: CI judges it, where the scope is trusted"
        f" (here it is {scope.name})",
    )


def ready(root: Path, entry: EvaluateEntry, scope: Scope, bucket: Bucket) -> Access:
    """Return whether the rows may be read, once they are in place; open ones are left alone.

    To be asked before anything looks at the rows.
    """
    access = may_read(entry, scope, remote=bucket.remote)
    if access.may and entry.holdout == "sealed" and bucket.remote:
        return unseal(root, entry.data, bucket)
    return access


def digest_of(root: Path, entry: EvaluateEntry) -> str:
    """Return the digest of sealed rows, which needs no look at them; empty where none are."""
    rows = sealed_rows(root, entry.data) if entry.holdout == "sealed" else None
    return rows.digest if rows else ""


def check_sealable(
    model: ModelEntry, graph: Graph, tracked: Callable[[Iterable[str]], frozenset[str]]
) -> None:
    """Raise WrongUsage where sealing would hide nothing; ``tracked`` says which paths Git has."""
    entry = model.evaluate
    if entry is None or entry.holdout == "open":
        return
    if entry.predictions or not entry.data:
        raise WrongUsage(
            "sealed rows cannot be judged by a file of predictions: whoever makes it has the rows",
            remedy="Leave predictions: out; the gate runs the model on the rows.",
        )
    path = normal(entry.data, ".", "/")
    for stage in graph.stages.values():
        reads = [dep.path for dep in stage.deps if dep.path]
        touched = [*reads, *(out.path for out in stage.outs)]
        if any(holds(one, path) or holds(path, one) for one in touched):
            raise WrongUsage(
                f"{path} is to be sealed, but stage {stage.name} makes or reads it: whoever runs"
                " the stage has the rows",
                remedy="Seal a table that no stage touches, such as labels from elsewhere.",
                place=str(stage.place) if stage.place else None,
            )
    if tracked([path]):
        raise WrongUsage(
            f"{path} is to be sealed, but Git tracks it: every clone has the rows",
            remedy=f"Take it out (git rm --cached {path}) and put new rows in its place.",
        )


def sealed_rows(root: Path, path: str) -> SealedRows | None:
    """Return which rows are sealed, as Git has it; None where none are yet."""
    place = root / f"{path}{SUFFIX}"
    if not place.exists():
        return None
    with explained(str(place)):
        body = place.read_bytes()
    try:
        known = msgspec.json.decode(body, type=SealedRows)
    except msgspec.MsgspecError as error:
        raise WrongUsage(
            f"it does not name sealed rows: {error}",
            remedy="Put it back from Git, or seal the rows again with: trueup push",
            place=f"{path}{SUFFIX}",
        ) from error
    if known.format > FORMAT:
        raise WrongUsage(
            f"it is of format {known.format}, this trueup reads up to {FORMAT}",
            remedy="Install the newer trueup that wrote it: uv pip install -U trueup",
            place=f"{path}{SUFFIX}",
        )
    return known


def seal(root: Path, path: str, bucket: Bucket) -> SealedRows:
    """Put the rows that lie at a path under ``sealed/`` and name them in ``FILE.sealed``.

    The same rows again change nothing. The file here stays; it is for its owner to remove.
    """
    rows = _rows_at(root / path)
    key = f"{PREFIX}{rows.digest}"
    wanted = (key, rows.size_bytes)
    if all((entry.key, entry.size_bytes) != wanted for entry in bucket.list(key)):
        bucket.put(key, root / path)
    if sealed_rows(root, path) != rows:
        body = msgspec.json.format(msgspec.json.encode(rows))
        _write(root / f"{path}{SUFFIX}", lambda fd: _all_of(fd, [body + b"\n"]), 0o666)
    return rows


def unseal(root: Path, path: str, bucket: Bucket) -> Access:
    """Put the sealed rows in place, verified; where the bucket refuses it says so.

    Raises WrongUsage where none are sealed, or other rows than those lie there.
    """
    rows = sealed_rows(root, path)
    if rows is None:
        raise WrongUsage(
            f"{path} is to be sealed, but {path}{SUFFIX} does not name its rows",
            remedy="Let whoever has them run: trueup push, and commit that file",
        )
    if (root / path).exists():
        if _rows_at(root / path) == rows:
            return Access(may=True)
        raise WrongUsage(
            f"{path} does not hold the rows that {path}{SUFFIX} names",
            remedy="Seal the new rows with: trueup push; or remove the file to get the sealed ones",
        )
    try:
        _fetch(rows, root / path, bucket)
    except AccessRefused:
        why = (
            f"the rows of {path} are sealed, and {bucket.url} does not let this identity read them"
        )
        return Access(may=False, why=why)
    return Access(may=True)


def _fetch(rows: SealedRows, to: Path, bucket: Bucket) -> None:
    from blake3 import blake3

    key, found = f"{PREFIX}{rows.digest}", blake3()

    def parts() -> Iterable[bytes]:
        for start in range(0, rows.size_bytes, _PART_BYTES):
            length = min(_PART_BYTES, rows.size_bytes - start)
            part = bucket.get(key, start=start, length=length)
            found.update(part)
            yield part
        if found.hexdigest() != rows.digest:
            raise NotProven(
                f"{bucket.url} holds other bytes under {key} than it names",
                remedy="Seal the rows again with: trueup push, where they are",
            )

    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        _write(to, lambda fd: _all_of(fd, parts()), 0o600)
    except Missing as error:
        raise WrongUsage(
            f"{bucket.url} does not hold the sealed rows of {to.name}",
            remedy="Seal them again with: trueup push, where they are",
        ) from error


def _rows_at(path: Path) -> SealedRows:
    with explained(str(path)), path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        return SealedRows(digest_stream(file.fileno(), size_bytes).hex(), size_bytes)


def _write(to: Path, fill: Callable[[int], None], mode: int) -> None:
    """Write a file that appears whole or not at all."""
    from trueup import ids

    scratch = to.with_name(f".{to.name}.{ids.nonce()}")
    with explained(str(to)):
        fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            fill(fd)
            scratch.replace(to)
        except BaseException:
            scratch.unlink()
            raise
        finally:
            os.close(fd)


def _all_of(fd: int, parts: Iterable[bytes]) -> None:
    from trueup.store.hashing import write_all

    for part in parts:
        write_all(fd, part)
