"""What workflows are made of: the facts of a repository's projects."""

import re
from typing import Literal, TypeAlias

import msgspec

from trueup.errors import WrongUsage

Cloud: TypeAlias = Literal["aws", "google", "none", "other"]
Software: TypeAlias = Literal["uv.lock", "requirements.txt", ""]
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ /@+-]*")


class ProjectFacts(msgspec.Struct, frozen=True):
    """One project of the repository."""

    name: str
    folder: str = "."  # from the repository's root
    software: Software = ""  # what its stages' Python is made of
    loops: tuple[str, ...] = ()  # models with triggers
    proposes: bool = False  # a loop of it opens pull requests
    secrets: tuple[str, ...] = ()  # of its stages
    models: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()  # in order

    @property
    def goes_on(self) -> bool:
        """Say whether a model goes on from one environment to another."""
        return len(self.environments) > 1 and bool(self.models)


class Facts(msgspec.Struct, frozen=True):
    """The repository, as its workflows need to know it."""

    projects: tuple[ProjectFacts, ...]
    version: str  # of trueup
    branch: str = "main"
    cloud: Cloud = "none"  # where the bucket lies; none: there is only a folder
    runner: str = "ubuntu-24.04"

    @property
    def extras(self) -> str:
        """Return what is installed: ``trueup[all]==1.0``."""
        return f"trueup[all]=={self.version}"


def checked(facts: Facts) -> Facts:
    """Return facts whose every word may stand in YAML, a shell and an expression as it is.

    Raises WrongUsage for a name that would have to be escaped in all three.
    """
    words = [facts.branch, facts.runner, facts.version]
    for one in facts.projects:
        words += [one.name, one.folder.removeprefix("."), *one.loops, *one.secrets]
        words += [*one.models, *one.environments]
    for word in words:
        if word and not _PLAIN.fullmatch(word):
            raise WrongUsage(
                f"{word!r} cannot be written into a workflow",
                remedy="Use letters, digits, spaces and . _ / @ + - in names, branches and folders",
            )
    return facts


def minute_of(name: str) -> int:
    """Return a minute between 7 and 53: off the full hour, the same for the same name.

    >>> 7 <= minute_of("flights") <= 53
    True
    """
    from blake3 import blake3

    return 7 + int.from_bytes(blake3(name.encode()).digest()[:4], "big") % 47
