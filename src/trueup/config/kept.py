"""A project as it was last read, kept so that an unchanged one need not be read again."""

from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
from blake3 import blake3

from trueup.config.records import Project

# sections whose records are imported only where a project has them: their module and record
_SECTIONS = {
    "models": ("trueup.config.model_entries", "ModelEntry"),
    "environments": ("trueup.config.target_entries", "TargetEntry"),
    "notify": ("trueup.config.target_entries", "ChannelEntry"),
}

_GRAIN_NS = 20_000_000  # file systems' clocks tick every 10 ms at the coarsest kernel setting


class Kept(msgspec.Struct, frozen=True):
    """A project, and what it was made from."""

    made_by: str
    sources: dict[str, str]  # file: digest, empty for a file that is not there
    project: Project  # without the sections
    sections: dict[str, bytes]
    format: int = 1


def kept(cache: Path, root: Path, main: str) -> Project | None:
    """Return what was kept if every file it came from is as it was then, else None."""
    try:
        found = _decoder().decode(cache.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    same = found.made_by == _made_by() and found.project.file == main
    if not same or found.project.root != root:
        return None
    return _whole(found) if _digests(root, found.sources) == found.sources else None


def keep(cache: Path, project: Project, began_ns: int) -> None:
    """Keep a project; what cannot be kept exactly, or written, is not kept.

    Nor is what may have changed since it began to be read: its digests would not be those read.
    """
    if any(_touched_since(project.root / name, began_ns) for name in project.sources):
        return
    sections = {name: getattr(project, name) for name in _SECTIONS}
    try:
        content = Kept(
            _made_by(),
            _digests(project.root, project.sources),
            msgspec.structs.replace(project, **{name: {} for name in _SECTIONS}),
            {name: msgspec.msgpack.encode(value) for name, value in sections.items() if value},
        )
        encoded = msgspec.msgpack.encode(content, enc_hook=_text_of_path)
        if _whole(_decoder().decode(encoded)) != project:
            return  # a date in meta would come back as text, for one
    except (TypeError, ValueError, OverflowError):
        return
    with suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_name(f"{cache.name}.{_nonce()}")
        try:
            part.write_bytes(encoded)
            part.replace(cache)
        finally:
            part.unlink(missing_ok=True)


def _whole(found: Kept) -> Project:
    sections: dict[str, Any] = {}
    for name, encoded in found.sections.items():
        module, record = _SECTIONS[name]
        kind: Any = dict.__class_getitem__((str, getattr(import_module(module), record)))
        sections[name] = msgspec.msgpack.decode(encoded, type=kind)
    return msgspec.structs.replace(found.project, **sections) if sections else found.project


def _touched_since(file: Path, began_ns: int) -> bool:
    """Tell whether a file changed after a moment, or so shortly before that no clock shows it."""
    try:
        found = file.stat()
    except OSError:
        return False
    return max(found.st_mtime_ns, found.st_ctime_ns) + _GRAIN_NS > began_ns


def _nonce() -> str:
    from trueup.ids import nonce

    return nonce()


def _made_by() -> str:
    # when the code of this room was put in place: another version or an edited checkout reads anew
    return str(Path(__file__).parent.stat().st_mtime_ns)


def _digests(root: Path, files: Iterable[str]) -> dict[str, str]:
    digests = {}
    for name in files:
        try:
            digests[name] = blake3((root / name).read_bytes()).hexdigest()
        except OSError:
            digests[name] = ""
    return digests


def _decoder() -> msgspec.msgpack.Decoder[Kept]:
    return msgspec.msgpack.Decoder(Kept, dec_hook=lambda kind, value: kind(value))


def _text_of_path(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be kept")
