"""What is stored of a model: who did what, on which evidence; and how that becomes bytes."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from trueup.store.artifacts import Artifact
from trueup.store.formats import Stored

FORMAT = 1

Outcome: TypeAlias = Literal["pass", "fail", "inconclusive"]
WhenInconclusive: TypeAlias = Literal["block", "person", "promote"]
Basis: TypeAlias = Literal["test", "recipe", "trial"]
Grounds: TypeAlias = Literal["pass", "inconclusive", "person", "override"]


class Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who did something; unverified where nobody but himself says so."""

    name: str  # an address; of CI the subject of its token
    verified: bool = False
    issuer: str = ""  # who vouches for it
    person: str = ""  # who made CI do it
    address: str = ""  # of this person
    account: str = ""  # of whom it acts: a repository, a project, an account of a cloud

    @property
    def who(self) -> str:
        """Return what tells one person from another."""
        return (self.person or self.name).casefold()

    @property
    def names(self) -> set[str]:
        """Return all that the one who acts is known as."""
        return {name.casefold() for name in (self.who, self.address) if name}

    def __str__(self) -> str:
        named = f"{self.person} by {self.name}" if self.person else self.name
        return named if self.verified else f"{named} (unverified)"


class Origin(msgspec.Struct, frozen=True):
    """The version in another bucket that this one is a copy of."""

    url: str
    version: int


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a verdict says of one model, without its numbers: enough to decide a promotion."""

    verdict: str  # digest of the record under verdicts/<scope>/
    model: str  # digest of the model that was judged
    outcome: Outcome
    data: str  # digest of the evaluation data
    rules: str  # digest of the rules, those of the environment included
    code: str  # digest of the stage keys in the model's lineage
    champion: str = ""  # digest of the model it was compared with; empty: there was none
    environment: str = ""
    scope: str = "trusted"
    when_inconclusive: WhenInconclusive = "block"  # the strictest of the rules left open
    basis: Basis = "test"  # recipe: of a model that was refitted since; trial: live, beside it
    superior: bool = False  # shown better than the champion
    no_change: bool = False  # it predicts what the champion predicts
    estimates: dict[str, float] = {}  # metric: candidate minus champion, more is better
    reasons: tuple[str, ...] = ()


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """What all events say."""

    at: datetime
    by: Identity
    format: int = FORMAT


class Registered(_Event, frozen=True, tag="registered"):
    """A model became a version; its number is one more than the last."""

    version: int
    model: Artifact
    code: str = ""  # digest over lineage
    lineage: dict[str, str] = {}  # stage: key
    run: str = ""
    commit: str = ""
    signature: str = ""  # digest
    parts: dict[str, Artifact] = {}  # what else belongs to it: signature, seen rows ...
    authors: tuple[str, ...] = ()  # beside whoever registered it
    refit_of: int | None = None  # the version (of a copy: over there) whose recipe was used again
    copied_from: Origin | None = None


class Judged(_Event, frozen=True, tag="judged"):
    """A gate gave a verdict on a model, registered or not."""

    evidence: Evidence
    copied_from: str = ""  # URL of the bucket whose gate that was


class Approved(_Event, frozen=True, tag="approved"):
    """A person approves that a version goes to an environment, on the verdict that is named."""

    version: int
    environment: str
    verdict: str = ""
    why: str = ""


class Rejected(_Event, frozen=True, tag="rejected"):
    """A person objects; nobody but he can take that back."""

    version: int
    environment: str
    verdict: str = ""
    why: str = ""


class Promoted(_Event, frozen=True, tag="promoted"):
    """A version became the champion of an environment."""

    version: int
    environment: str
    grounds: Grounds
    verdict: str = ""
    before: int | None = None  # the champion until now
    approved_by: tuple[str, ...] = ()
    why: str = ""


class RolledBack(_Event, frozen=True, tag="rolled back"):
    """The champion of an environment gave way to the one before it."""

    version: int  # no longer champion
    environment: str
    to: int | None = None
    why: str = ""


class AliasMoved(_Event, frozen=True, tag="alias moved"):
    """A name other than champion was given to a version, or (None) taken away."""

    alias: str
    environment: str
    version: int | None = None
    overridden: bool = False  # a refused version, by --override
    why: str = ""


class Deprecated(_Event, frozen=True, tag="deprecated"):
    """A version is not to be promoted again."""

    version: int
    why: str = ""


class Overridden(_Event, frozen=True, tag="overridden"):
    """A version without a passing verdict was used outside dev all the same."""

    version: int
    environment: str
    use: str  # serve, predict, build, deploy
    why: str


Event: TypeAlias = (
    Registered
    | Judged
    | Approved
    | Rejected
    | Promoted
    | RolledBack
    | AliasMoved
    | Deprecated
    | Overridden
)


def encode_event(event: Event) -> bytes:
    """Return an event as JSON; the log adds its nonce."""
    return msgspec.json.encode(event)


def decode_event(body: bytes, place: str) -> Event:
    """Return an event; WrongUsage for a newer format, NotProven for what no trueup has written."""
    return _STORED.read(body, place)


_EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_STORED = Stored(_EVENTS, FORMAT, "the bucket's registry is", "not an event of a registry")
