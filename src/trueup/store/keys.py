"""What may be a key, and what a bucket says when it cannot take one or cannot be used at all."""

from trueup.errors import AccessRefused, WrongUsage

_LONGEST_KEY_BYTES = 900  # S3 stops at 1,024, and the bucket's own prefix needs room
_LONGEST_PART_BYTES = 255  # what file systems allow in one name


class BadKey(WrongUsage):
    """A key that no bucket may hold: it would leave the bucket or cannot be written everywhere."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(
            f"{key[:200]!r} cannot name an object in a bucket: {why}",
            remedy="Rename the stage, model or file that the name comes from",
        )


class BucketUnfit(WrongUsage):
    """A bucket that cannot keep the promise everything rests on: create an object only once."""


class BucketFull(AccessRefused):
    """The bucket has no room left; what was being written is gone, what was there is whole."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"no space is left in {url}",
            remedy="Free some with: trueup gc (or move it: store: in trueup.yaml)",
        )


def check_key(key: str) -> None:
    """Raise BadKey unless every kind of bucket can hold the key, and inside itself."""
    parts = key.split("/")
    if "" in parts or "." in parts or ".." in parts:
        raise BadKey(key, "empty, '.' and '..' are not allowed between slashes")
    if key[0] == ".":
        raise BadKey(key, "names that begin with a dot are the bucket's own")
    if not (key.isascii() and key.isprintable()):
        _check_characters(key)
    if "\\" in key:
        raise BadKey(key, "it contains a backslash")
    if len(key) > _LONGEST_PART_BYTES and not _is_short(parts):
        raise BadKey(key, "it is too long")


def check_prefix(prefix: str) -> None:
    """Raise BadKey unless this is a key, a key with a slash at its end, or empty (everything)."""
    if prefix:
        check_key(prefix.removesuffix("/"))


def _check_characters(key: str) -> None:
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in key):
        raise BadKey(key, "it contains a control character")
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise BadKey(key, "it is not valid Unicode") from error
    if size > _LONGEST_PART_BYTES and not _is_short(key.split("/")):
        raise BadKey(key, "it is too long")


def _is_short(parts: list[str]) -> bool:
    sizes = [len(part.encode()) for part in parts]
    return max(sizes) <= _LONGEST_PART_BYTES and sum(sizes) + len(sizes) <= _LONGEST_KEY_BYTES
