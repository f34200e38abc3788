"""Files and folders named by the BLAKE3 digest of their content."""

from typing import Literal

import msgspec


class Artifact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file, or a folder named by the digest of its manifest."""

    digest: str  # 64 hexadecimal characters
    size_bytes: int  # of a folder: of all its files
    kind: Literal["file", "folder"] = "file"
    files: int = 1
    executable: bool = False


class ManifestEntry(msgspec.Struct, frozen=True, array_like=True):
    """One file of a folder."""

    path: str  # relative, with forward slashes
    digest: str
    size_bytes: int
    executable: bool = False


class Manifest(msgspec.Struct, frozen=True):
    """The files of a folder, sorted by path; where their bytes lie is not said here."""

    entries: tuple[ManifestEntry, ...]
    format: int = 1
