"""What one tick sees of a model: plain values, so that deciding needs nothing else."""

from datetime import datetime

import msgspec


class Level(msgspec.Struct, frozen=True, omit_defaults=True):
    """How well a window did, realised or estimated, and whether that is a drop."""

    dropped: bool  # significant and material, as monitoring was told
    value: float | None = None
    says: str = ""


class BrokenPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is broken in a window, and what to mend."""

    check: str
    says: str
    column: str = ""
    mend: str = ""


class WindowSeen(msgspec.Struct, frozen=True, omit_defaults=True):
    """One checked window of one version."""

    name: str
    begin: datetime
    end: datetime
    version: int
    is_broken: bool = False
    drifted: bool | None = None  # None: nothing of it could be compared
    moved: tuple[str, ...] = ()  # columns that have drifted
    broken: tuple[BrokenPart, ...] = ()
    realised: Level | None = None  # None: its labels are not mature
    estimated: Level | None = None


class Labels(msgspec.Struct, frozen=True):
    """How many mature labels there are in all, and until when."""

    mature: int
    until: datetime


class Harm(msgspec.Struct, frozen=True):
    """A trial record that shows the challenger to do harm."""

    version: int
    record: int  # its number
    at: datetime
    says: str


class FailedDeployment(msgspec.Struct, frozen=True):
    """The last deployment, where it has failed."""

    name: str
    at: datetime
    says: str


class Observations(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of it, at one moment."""

    registry_event: int = 0  # the last one
    champion: int | None = None
    previous: int | None = None  # the one before, that a rollback goes to
    challenger: int | None = None
    windows: tuple[WindowSeen, ...] = ()  # in the order of time
    labels: Labels | None = None
    harm: Harm | None = None
    failed_deployment: FailedDeployment | None = None
    estimates_may_trigger: bool = True
    why_not: str = ""  # they may not
    says: tuple[str, ...] = ()  # what could not be looked at, and why
