"""Scopes of trust: who may believe whose cached results and verdicts."""

from collections.abc import Mapping

import msgspec

from trueup.errors import WrongUsage
from trueup.store.bucket import Bucket

TRUSTED = "trusted"
VARIABLE = "TRUEUP_SCOPE"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class Scope(msgspec.Struct, frozen=True):
    """Where one writes, and where one looks, in this order."""

    name: str  # trusted, pr/<number> or dev/<who>
    reads: tuple[str, ...]

    @property
    def is_trusted(self) -> bool:
        """Say whether what is written here may lead to a promotion."""
        return self.name == TRUSTED

    def cache_key(self, stage_key: str) -> str:
        """Return where a stage's result is written."""
        return cache_key(self.name, stage_key)

    def cache_keys(self, stage_key: str) -> list[str]:
        """Return where a stage's result is looked for, in order."""
        return [cache_key(name, stage_key) for name in self.reads]


def cache_key(scope: str, stage_key: str) -> str:
    """Return the key of what a stage with this key produced, in one scope."""
    return f"cache/{scope}/{stage_key}.json"


def scope_from(env: Mapping[str, str], bucket: Bucket) -> Scope:
    """Return the scope that TRUEUP_SCOPE names.

    Without it a folder or memory, which have no others, is trusted, and in a remote bucket a
    person has a scope of his own. What the scope may really write is the bucket's policy's to say.
    """
    name = env.get(VARIABLE, "")
    if not name:
        return scope(f"dev/{_who(env)}" if bucket.remote else TRUSTED)
    return scope(name)


def scope(name: str) -> Scope:
    """Return the scope of this name: trusted, pr/<number> or dev/<who>."""
    kind, _, who = name.partition("/")
    if name == TRUSTED:
        return Scope(name, (TRUSTED,))
    if kind == "pr" and who.isascii() and who.isdigit():
        return Scope(name, (TRUSTED, name))
    if kind == "dev" and who and _PLAIN.issuperset(who):
        return Scope(name, (TRUSTED, name))
    raise WrongUsage(
        f"{VARIABLE}={name!r} is no scope",
        remedy="Give trusted, pr/<number> or dev/<name in small letters, digits, - and _>",
    )


def _who(env: Mapping[str, str]) -> str:
    name = next((env[key] for key in ("USER", "LOGNAME", "USERNAME") if env.get(key)), "nobody")
    return "".join(letter if letter in _PLAIN else "-" for letter in name.lower())
