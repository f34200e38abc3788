"""What a tick works with: the policy, the log, what it sees and acts through, and who it is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from trueup import clock, ids
from trueup.loop.journal import Journal
from trueup.loop.observations import Observations
from trueup.loop.points import Point, passes
from trueup.loop.policy import Policy
from trueup.loop.ports import Ports
from trueup.store.bucket import Bucket

LEASE_S = 900.0  # a worker that has said nothing for so long is taken to be dead


@dataclass(frozen=True, kw_only=True)
class Loop:
    """The loop of one model, as one process works on it.

    ``observe`` gets the moment that is decided for; ``clock`` is of claims, which are about
    processes and so always real. ``worker`` tells this process from every other.
    """

    policy: Policy
    bucket: Bucket
    observe: Callable[[datetime], Observations]
    ports: Ports
    by: str
    worker: str = field(default_factory=ids.nonce)
    clock: Callable[[], datetime] = clock.now
    point: Point = passes
    lease_s: float = LEASE_S
    cache: Path | None = None  # keeps what was read of a remote log

    def journal(self) -> Journal:
        """Return the model's log, read anew."""
        return Journal(self.bucket, self.policy.model, self.cache)
