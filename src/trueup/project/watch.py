"""What is watched: a model in an environment, and one of its versions."""

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from trueup.captures import reading
from trueup.captures.finding import Span
from trueup.monitoring.watching.counting import ALL, LIVE, Rows
from trueup.monitoring.watching.history import Diary
from trueup.monitoring.watching.performing import Wished
from trueup.monitoring.watching.settings import Settings
from trueup.monitoring.watching.shelf import Shelf
from trueup.project.detecting import Detecting
from trueup.project.skewing import WindowSkew
from trueup.project.workspace import Workspace
from trueup.registry.copying import Stamp
from trueup.registry.records import Promoted
from trueup.registry.registry import Resolved

if TYPE_CHECKING:
    import polars as pl


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """One model in one environment, and how it is watched."""

    workspace: Workspace
    model: str
    settings: Settings
    lateness_s: float
    diary: Diary
    shelf: Shelf
    redact: tuple[str, ...]
    now: datetime
    stamp: Stamp
    reference: Span | None = None  # of own captures, where that is asked for
    wish: Wished | None = None  # of performance
    detecting: Detecting
    skewing: WindowSkew | None = None  # None: no table to compare with is named


class Version(msgspec.Struct, frozen=True):
    """One version of a watched model, and which of its captures are looked at."""

    watch: Watch
    found: Resolved
    rows: Rows

    @property
    def number(self) -> int:
        """Return which version it is."""
        return self.found.version.version

    def captured(self, begin: datetime, end: datetime, *, labels: bool) -> "pl.LazyFrame":
        """Return its captures in a span, as they were written."""
        import polars as pl

        span = Span(begin, end, self.number, self.rows.environment)
        found = reading.captures(self.rows.bucket, self.rows.model, span, labels=labels)
        return found.filter(pl.col("role").is_in(list(self.rows.roles)))


def diary_of(workspace: Workspace, model: str, environment: str) -> Diary:
    """Return a model's diary; what was read of a remote one is remembered in .trueup."""
    own = workspace.own / "state" / "monitoring" if workspace.own.is_dir() else None
    return Diary(workspace.bucket, model, environment, own)


def version_of(watch: Watch, found: Resolved) -> Version:
    """Return a version; of one that was never champion, what it answered on trial counts too."""
    number = found.version.version
    was_champion = any(
        isinstance(one, Promoted) and (one.version, one.environment) == (number, found.environment)
        for one in found.history.events
    )
    roles = LIVE if was_champion else ALL
    bucket, model = watch.workspace.bucket, watch.model
    return Version(watch, found, Rows(bucket, model, number, roles, found.environment))
