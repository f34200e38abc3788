"""A forge and the client of it, for tests that hold for both."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.forges.standins.github import GitHubStandIn
from tests.forges.standins.gitlab import GitLabStandIn
from tests.forges.standins.server import TOKEN, served
from trueup.forges.calling import Patience
from trueup.forges.credentials import Credential, Fixed, Token
from trueup.forges.opening import open_dispatcher, open_forge
from trueup.forges.places import Kind, Place, place_of
from trueup.forges.port import Dispatcher, Forge

BRANCH = "trueup/flight-late"


@dataclass
class Clock:
    """Time that passes only when somebody waits."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    waits: list[float] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += timedelta(seconds=seconds)


@dataclass
class World:
    """One repository on a forge that stands in, and who asks it."""

    standin: GitHubStandIn | GitLabStandIn
    kind: Kind
    clock: Clock = field(default_factory=Clock)

    @property
    def patience(self) -> Patience:
        return Patience(pause=self.clock.pause, now=lambda: self.clock.at, timeout_s=10.0)

    @property
    def place(self) -> Place:
        return place_of(
            f"{self.standin.url}/acme/flights.git", {}, kind=self.kind, web=self.standin.url
        )

    def forge(self, credential: Credential | None = None) -> Forge:
        return open_forge(self.place, credential or given(), self.patience)

    def dispatcher(self, credential: Credential | None = None) -> Dispatcher:
        return open_dispatcher(self.place, credential or given(), self.patience)


STANDINS: Mapping[Kind, Callable[[Path], GitHubStandIn | GitLabStandIn]] = {
    "github": GitHubStandIn,
    "gitlab": GitLabStandIn,
}


@contextmanager
def world_of(kind: Kind, root: Path) -> Iterator[World]:
    """Serve a stand-in while the test looks at it."""
    standin = STANDINS[kind](root)
    with served(standin):
        yield World(standin, kind)


def given(secret: str = TOKEN) -> Fixed:
    """Return a personal token."""
    return Fixed(Token(secret, "personal", "the test"))
