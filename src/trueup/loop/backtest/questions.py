"""What a replay asks of the world, each question once; the answers depend on nothing else."""

from datetime import datetime
from typing import TypeAlias

import msgspec

from trueup.loop.observations import WindowSeen


class Make(msgspec.Struct, frozen=True, tag=True):
    """Run the pipeline with these parameters, as of a moment."""

    sets: tuple[str, ...]  # as --set takes them
    as_of: datetime
    holdout: datetime | None = None  # from then on no row may be trained on, and no other judged on


class Judge(msgspec.Struct, frozen=True, tag=True):
    """Let the gate judge a candidate against a champion, on the candidate's evaluation rows."""

    candidate: Make
    champion: Make


class Look(msgspec.Struct, frozen=True, tag=True):
    """Check the windows of a champion that is live since a moment, as of another."""

    champion: Make
    since: datetime
    now: datetime


class Score(msgspec.Struct, frozen=True, tag=True):
    """Ask a model about the rows of a span."""

    model: Make
    begin: datetime
    end: datetime


class Made(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """A model that the pipeline has made, or why it could not."""

    digest: str = ""
    seconds: float = 0.0
    failed: str = ""


class Verdict(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """What the gate says, and whether the candidate may become champion by it."""

    word: str  # pass, fail, inconclusive, no change
    go_on: bool
    reasons: tuple[str, ...] = ()


class Looked(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """The windows of one champion, as far as they can be known by then."""

    windows: tuple[WindowSeen, ...] = ()
    may_trigger: bool = True  # estimates
    why_not: str = ""


Question: TypeAlias = Make | Judge | Look
Answer: TypeAlias = Made | Verdict | Looked
