"""Who may write where in a bucket: one table that every cloud's policy is made of.

Everybody here reads everything in the project's place and lists it. Only a trusted identity
registers, promotes, or writes what others believe.
"""

from typing import Literal, TypeAlias

import msgspec

Who: TypeAlias = Literal["trusted", "pull_request", "developer"]
# What a run writes whatever its scope: content that bears its digest, its own record, and the
# probe by which a bucket shows that it creates a key only once.
_OF_ANY_RUN = ("objects/", "packs/", "runs/", "runs-index/", "heartbeats/runs/", "reuse/")
_PROBES = "probes/"


class Rights(msgspec.Struct, frozen=True):
    """What an identity may do beyond reading; folders end with a slash, "" is everything."""

    who: Who
    writes: tuple[str, ...]
    deletes: tuple[str, ...]

    def may_write(self, key: str) -> bool:
        """Say whether a key may be written.

        >>> rights_of("pull_request").may_write("cache/trusted/0123.json")
        False
        """
        return key.startswith(self.writes)


def rights_of(who: Who) -> Rights:
    """Return the rights of an identity."""
    if who == "trusted":
        return Rights(who, ("",), ("",))
    scope = {"pull_request": "pr/", "developer": "dev/"}[who]
    own = tuple(f"{folder}/{scope}" for folder in ("cache", "verdicts"))
    return Rights(who, (*own, *_OF_ANY_RUN, _PROBES), (_PROBES, "heartbeats/runs/"))
