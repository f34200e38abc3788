"""The canonical bytes of a folder's manifest; their digest is the folder's name."""

from collections.abc import Iterable

import msgspec

from trueup.errors import WrongUsage
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
    return MAGIC + _encoder.encode(sorted(rows))


def decode(body: bytes) -> Manifest:
    """Return the manifest that these bytes hold; one from a newer version is refused by name."""
    if not body.startswith(MAGIC):
        if body.startswith(_FAMILY):
            version = body[len(_FAMILY) :].split(b"\n", 1)[0].decode("ascii", "replace")[:20]
            raise WrongUsage(
                f"a folder's manifest has format {version}, and this trueup reads 1",
                remedy="Install a newer trueup",
            )
        raise ValueError("these bytes are no manifest")
    return Manifest(_entries.decode(memoryview(body)[len(MAGIC) :]))


def folder(rows: list[Row]) -> tuple[Artifact, bytes]:
    """Return the artifact that these files make as a folder, and the manifest's bytes."""
    body = encode(rows)
    size_bytes = sum(row[2] for row in rows)
    return Artifact(digest_bytes(body), size_bytes, kind="folder", files=len(rows)), body


def rows_of(manifest: Manifest) -> list[Row]:
    """Return a manifest's entries as plain rows."""
    return [(e.path, e.digest, e.size_bytes, e.executable) for e in manifest.entries]
