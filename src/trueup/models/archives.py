"""Archives and folders that reach outside themselves are refused before anything reads them."""

import tarfile
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from trueup.models.port import ModelDamaged, ModelRefused
from trueup.models.sniffing import Content

_MOST_TIMES_LARGER = 1000  # what is packed honestly does not shrink more
_ALWAYS_ALLOWED_BYTES = 1 << 30


def inspect(content: Content) -> None:
    """Raise ModelRefused if a zip, tar or folder climbs out, or a zip unpacks beyond measure."""
    if content.folder:
        _inspect_folder(content.place)
    elif content.is_zip:
        _inspect_zip(content.place)
    elif content.is_tar:
        _refuse_tar(content.place)


def climbs(name: str) -> bool:
    """Say whether a path leaves the folder that it is taken relative to."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in (path.parts or ("",))[0]


def _inspect_folder(place: Path) -> None:
    top = place.resolve()
    for one in place.rglob("*"):
        if one.is_symlink() and not one.resolve().is_relative_to(top):
            raise ModelRefused(
                f"the model's folder has a link to outside: {one.relative_to(place).as_posix()!r}",
                remedy="Let the stage that makes the model copy the file into it",
                place=str(place),
            )


def _inspect_zip(place: Path) -> None:
    try:
        with ZipFile(place) as archive:
            members = archive.infolist()
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ModelDamaged(
            f"it begins like a zip archive but is none: {error}",
            remedy="Make it again: trueup run, or fetch it again: trueup pull",
            place=str(place),
        ) from error
    _refuse_climbing([one.filename for one in members if _leaves(one)], place)
    unpacked, packed = sum(one.file_size for one in members), place.stat().st_size
    if unpacked > max(_ALWAYS_ALLOWED_BYTES, _MOST_TIMES_LARGER * packed):
        raise ModelRefused(
            f"the archive of {packed} bytes would unpack to {unpacked}",
            remedy="No model shrinks so much; find out who made this file",
            place=str(place),
        )


def _leaves(member: ZipInfo) -> bool:
    link = (member.external_attr >> 16) & 0o170000 == 0o120000
    return link or climbs(member.filename)


def _refuse_tar(place: Path) -> None:
    try:
        with tarfile.open(place, "r:") as archive:
            members = archive.getmembers()
    except (tarfile.TarError, OSError) as error:
        raise ModelDamaged(
            f"it begins like a tar archive but is none: {error}",
            remedy="Make it again: trueup run",
            place=str(place),
        ) from error
    links = [one.name for one in members if (one.issym() or one.islnk()) and climbs(one.linkname)]
    _refuse_climbing(links + [one.name for one in members if climbs(one.name)], place)
    raise ModelRefused(
        "a tar archive is not a model, and nothing here unpacks one",
        remedy="Let the stage write the folder that is in it, and name that as the model's path",
        place=str(place),
    )


def _refuse_climbing(names: list[str], place: Path) -> None:
    if names:
        raise ModelRefused(
            f"the archive would write outside its folder: {names[0][:100]!r}",
            remedy="No library writes such a file by itself; find out who made it",
            place=str(place),
        )
