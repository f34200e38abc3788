"""What a check of one project came to: the value that every writer starts from."""

from typing import Literal, TypeAlias

import msgspec
from blake3 import blake3

from trueup.reporting.blocks import Report

Level: TypeAlias = Literal["error", "warning", "notice"]
Word: TypeAlias = Literal["pass", "fail", "inconclusive", "stage_failed", "refused", "nothing"]
LEVELS: tuple[Level, ...] = ("error", "warning", "notice")


class Place(msgspec.Struct, frozen=True):
    """A line of a file of the repository."""

    file: str  # from the repository's root, with /
    line: int  # from 1


class Problem(msgspec.Struct, frozen=True):
    """One thing that keeps a check from passing, or that somebody should know."""

    level: Level
    rule: str  # gate/roc_auc, stage/train, configuration
    title: str
    says: str
    place: Place | None = None
    model: str = ""
    slice: str = ""

    @property
    def fingerprint(self) -> str:
        """Return what the same problem has in the next check too, wherever its line is by then."""
        file = self.place.file if self.place else ""
        parts = (self.rule, self.model, self.slice, self.title, file)
        return blake3("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Judged(msgspec.Struct, frozen=True):
    """The verdict on one model."""

    model: str  # project/model
    version: int | None  # None: not registered
    environment: str
    word: Literal["pass", "fail", "inconclusive"]
    digest: str  # of the verdict


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that is to be said of one project's check."""

    project: str
    word: Word
    exit_code: int
    folder: str = ""  # from the repository's root; empty: it is the root
    run: str = ""
    commit: str = ""
    base: str = ""  # the revision that it is compared with
    report: Report = Report("")  # its details are for the page alone
    problems: tuple[Problem, ...] = ()
    judged: tuple[Judged, ...] = ()
    metrics: dict[str, float] = {}


def named(result: Result) -> str:
    """Return a project's name, with its folder where it is not the repository's own."""
    return f"{result.project} ({result.folder})" if result.folder else result.project
