"""The canonical bytes of a folder's manifest; their digest is the folder's name."""

import re
from collections.abc import Iterable
from operator import itemgetter

import msgspec

from trueup.errors import NotProven, WrongUsage
from trueup.store.artifacts import Artifact, Manifest, ManifestEntry
from trueup.store.hashing import digest_bytes

MAGIC = b"trueup manifest 1\n"
_FAMILY = b"trueup manifest "
_encoder = msgspec.msgpack.Encoder()
_entries = msgspec.msgpack.Decoder(tuple[ManifestEntry, ...])

Row = tuple[str, str, int, bool]  # path, digest, size_bytes, executable


def encode(rows: Iterable[Row]) -> bytes:
    """Return the canonical bytes of a manifest, whatever order its rows come in.

    Version 1: ``trueup manifest 1`` and a newline, then the rows as one msgpack array, sorted by
    path, each an array of path (relative, forward slashes, UTF-8), digest (hexadecimal), size and
    executable bit, all in msgpack's shortest form.
    """
    return MAGIC + _encoder.encode(sorted(rows, key=itemgetter(0)))


_LEADS_OUT = re.compile(r"[\0/]\.{0,2}(?=[\0/])")  # an empty part, '.' or '..'


def decode(body: bytes) -> Manifest:
    """Return the manifest that these bytes hold; one from a newer version is refused by name."""
    if not body.startswith(MAGIC):
        if body.startswith(_FAMILY):
            version = body[len(_FAMILY) :].split(b"\n", 1)[0].decode("ascii", "replace")[:20]
            raise WrongUsage(
                f"a folder's manifest has format {version}, and this trueup reads 1",
                remedy="Install a newer trueup",
            )
        raise _damaged("it begins otherwise")
    try:
        entries = _entries.decode(memoryview(body)[len(MAGIC) :])
    except msgspec.MsgspecError as error:
        raise _damaged(str(error)) from error
    paths = [entry.path for entry in entries]
    text = "\0".join(paths)
    if text.count("\0") >= max(len(paths), 1) or (paths and _LEADS_OUT.search(f"\0{text}\0")):
        raise _damaged("a path in it leads out of the folder")
    return Manifest(entries)


def _damaged(why: str) -> NotProven:
    return NotProven(
        f"what is named as a folder's manifest is none: {why}",
        remedy="Make the folder again with: trueup run --force",
    )


def folder(rows: list[Row]) -> tuple[Artifact, bytes]:
    """Return the artifact that these files make as a folder, and the manifest's bytes."""
    body = encode(rows)
    size_bytes = sum(row[2] for row in rows)
    return Artifact(digest_bytes(body), size_bytes, kind="folder", files=len(rows)), body


def rows_of(manifest: Manifest) -> list[Row]:
    """Return a manifest's entries as plain rows."""
    return [(e.path, e.digest, e.size_bytes, e.executable) for e in manifest.entries]
