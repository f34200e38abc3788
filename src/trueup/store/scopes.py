"""Scopes of trust: whose results a reader may use, and where a writer may put its own."""

import re
from collections.abc import Mapping

from trueup.errors import WrongUsage
from trueup.store.bucket import Bucket

TRUSTED = "trusted"
VARIABLE = "TRUEUP_SCOPE"  # set by the workflows of CI
_SCOPE = re.compile(r"trusted|pr/[0-9]+|dev/[A-Za-z0-9._-]+")


def read_scopes(bucket: Bucket, env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the scopes to read, in order; the first is the one to write to.

    A folder or a bucket in memory has one scope, which is trusted. Of a remote bucket a laptop
    writes ``dev/<who>``, a pull request ``pr/<number>``; both read what protected branches wrote.
    """
    if not bucket.remote:
        return (TRUSTED,)
    own = env.get(VARIABLE) or f"dev/{_who(env)}"
    if not _SCOPE.fullmatch(own):
        raise WrongUsage(
            f"{VARIABLE}={own!r} is no scope of trust",
            remedy="It is trusted, pr/<number> or dev/<who>.",
        )
    return (own,) if own == TRUSTED else (own, TRUSTED)


def _who(env: Mapping[str, str]) -> str:
    from getpass import getuser

    try:
        name = env.get("USER") or getuser()
    except (KeyError, OSError):  # no name for this user id, as in some containers
        name = "nobody"
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)
