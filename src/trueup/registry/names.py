"""How a model's version is named: ``[PROJECT/]MODEL[@ALIAS|/N]``."""

import re
from collections.abc import Iterable

import msgspec

from trueup.errors import WrongUsage, did_you_mean

CHAMPION, CHALLENGER = "champion", "challenger"
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SHOWN = 80


class BadName(WrongUsage):
    """A text that names no model's version."""

    def __init__(self, text: str, why: str, remedy: str = "") -> None:
        super().__init__(
            f"{text[:_SHOWN]!r} names no version of a model: {why}",
            remedy=remedy
            or "Write [PROJECT/]MODEL[@ALIAS|/N], such as flight-late@champion or flight-late/3",
        )


class ModelNotFound(WrongUsage):
    """A model was named of which the registry holds no version."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        there = sorted(known)
        near = did_you_mean(name, there)
        some = f"It holds: {', '.join(there[:8])}{' ...' if len(there) > 8 else ''}. "
        super().__init__(
            f"the registry holds no version of {name!r}",
            remedy=f"{near}{some if there else ''}Register one with: trueup register",
        )


class VersionNotFound(WrongUsage):
    """A version was named that the model does not have."""

    def __init__(self, model: str, version: int, last: int) -> None:
        super().__init__(
            f"{model} has no version {version}",
            remedy=f"Its versions are 1 to {last}. List them with: trueup models {model}",
        )


class AliasNotFound(WrongUsage):
    """An alias was named that no version has in this environment."""

    def __init__(self, model: str, alias: str, environment: str, known: Iterable[str]) -> None:
        there = sorted(known)
        near = did_you_mean(alias, there)
        first = f"Promote one with: trueup promote {model}/N --env {environment}"
        others = f"There it has: {', '.join(there)}" if there else "There it has no alias yet"
        super().__init__(
            f"{model} has no {alias} in {environment}",
            remedy=f"{near}{first if alias == CHAMPION else others}",
        )


class VersionName(msgspec.Struct, frozen=True):
    """A version by its number, by its alias, or (neither) a model alone."""

    model: str  # in full: project/model
    version: int | None = None
    alias: str = ""

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.model}/{self.version}"
        return f"{self.model}@{self.alias}" if self.alias else self.model


def parse_name(text: str, project: str) -> VersionName:
    """Return what a text names; project stands in where the text names none.

    A name is never a bare number, so that a number behind a slash is always a version.

    >>> parse_name("late@champion", "flights")
    VersionName(model='flights/late', version=None, alias='champion')
    >>> str(parse_name("other/late/3", "flights"))
    'other/late/3'
    """
    named, at, alias = text.partition("@")
    if at and not _ALIAS.fullmatch(alias):
        raise BadName(text, f"{alias[:_SHOWN]!r} cannot be an alias" if alias else "no alias at @")
    parts = named.split("/")
    version = None
    if len(parts) > 1 and _is_number(parts[-1]):
        version = _number(text, parts.pop())
        if at:
            raise BadName(text, "it gives a number and an alias", "Leave one of them out")
    if "" in parts:
        raise BadName(text, "a part of it is empty")
    if len(parts) > 2:
        raise BadName(text, f"it has {len(parts)} parts before the version")
    if any(_is_number(part) for part in parts):
        raise BadName(text, "a model's or project's name is never a number")
    if not project and len(parts) == 1:
        raise BadName(text, "outside a project, the project must be named", "Write PROJECT/MODEL")
    model = "/".join(parts if len(parts) == 2 else [project, *parts])
    return VersionName(model, version, alias)


def check_alias(alias: str) -> None:
    """Raise BadName unless a version may be given this alias."""
    if not _ALIAS.fullmatch(alias):
        raise BadName(
            alias, "an alias is letters, digits, '_', '-' and '.', and begins with a letter"
        )


def _is_number(part: str) -> bool:
    return part.isdigit()


def _number(text: str, part: str) -> int:
    if not part.isascii() or part[0] == "0" or len(part) > 9:
        raise BadName(text, f"{part[:_SHOWN]!r} is no version", "Versions are 1, 2, 3 ...")
    return int(part)
