"""The grammar of whose word counts on who somebody is."""

import re
from typing import Annotated, Any

from msgspec import field

from trueup.config.composer import Path
from trueup.config.records import GITLAB, Issuers
from trueup.config.sections import Section
from trueup.config.shapes import WRONG, ListOf, MapOf, Reading, Text

_ISSUER = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._/-]*)?")


class _ByIssuer(MapOf):
    """A mapping of GitLab servers to their groups and projects."""

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return the mapping, no address with a slash at its end, as tokens have them."""
        read = super().read(value, path, reading)
        if read is WRONG:
            return read
        wrong = [name for name in read if not _ISSUER.fullmatch(name)]
        for name in wrong:
            problem = f"{name!r} is not the address of a server"
            reading.wrong((*path, name), problem, "Write it as https://HOST.", of_key=True)
        return WRONG if wrong else {name.rstrip("/"): one for name, one in read.items()}


_ACCOUNT = Text(r"[0-9]{12}|arn:aws[a-z-]*:[a-z]+::[0-9]{12}:\S+", "an account's number or an ARN")


class IdentityEntry(Section, frozen=True):
    """Whose word on who somebody is counts, and for which places; ``*`` is all of them."""

    github: Annotated[
        tuple[str, ...], "repositories or their owners whose workflows count; * for all"
    ] = ("*",)
    gitlab: Annotated[
        dict[str, tuple[str, ...]],
        _ByIssuer(ListOf(Text())),
        "servers, each with the groups or projects whose jobs count; * for all",
    ] = field(default_factory=lambda: {GITLAB: ("*",)})
    aws: Annotated[
        tuple[str, ...], ListOf(_ACCOUNT), "accounts, or ARNs of users and assumed roles, in quotes"
    ] = ()
    google: Annotated[
        tuple[str, ...], "service accounts, or what stands behind the @ of their addresses"
    ] = ()


def issuers_of(entry: IdentityEntry) -> Issuers:
    """Return the record of a section."""
    return Issuers(entry.github, entry.gitlab, entry.aws, entry.google)
