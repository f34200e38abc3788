"""How rows are counted that something else has answered: where they were live, on which grid."""

import time
from typing import TYPE_CHECKING

from trueup.project.registering import chosen_environment, environments_of
from trueup.project.workspace import Workspace
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    from trueup.monitoring.profiles.served import Scheme
    from trueup.serving.profiling import Schemes

_EVERY_S = 30.0


def environment_of(workspace: Workspace, name: str) -> str:
    """Return where predictions were live that were made elsewhere; raises WrongUsage.

    What nobody has named is the only environment that there is. Of several it is left empty, which
    counts in each.
    """
    alone = len(environments_of(workspace)) == 1
    return chosen_environment(workspace, name) if name or alone else ""


def schemes(bucket: Bucket, environment: str) -> "Schemes":
    """Return what says how monitoring counts a model there, read anew every thirty seconds.

    Of no environment it says nothing: then whoever monitors counts the rows.
    """
    known: dict[str, tuple[float, Scheme | None]] = {}

    def scheme(model: str) -> "Scheme | None":
        if not environment:
            return None
        read, found = known.get(model, (float("-inf"), None))
        if time.monotonic() - read > _EVERY_S:
            from trueup.errors import TrueupError
            from trueup.monitoring.profiles.served import scheme_of

            try:
                found = scheme_of(bucket, model, environment)
            except (TrueupError, OSError, ImportError):
                found = None  # captures are worth more than their profiles
            known[model] = time.monotonic(), found
        return found

    return scheme
