"""The verdict as a record: every number, reason, seed and digest; needs no NumPy to be read."""

from typing import Any, Literal, TypeAlias

import msgspec
from blake3 import blake3

from trueup.errors import NotProven, WrongUsage
from trueup.gate.curve_records import ModelCurves
from trueup.gate.spending import Spending

Word: TypeAlias = Literal["pass", "fail", "inconclusive"]
Question: TypeAlias = Literal["at_least", "at_most", "non_inferior", "better", "harm"]
Standing: TypeAlias = Literal["block", "person", "promote"]
Basis: TypeAlias = Literal["test", "trial"]
FORMAT = 1


class Interval(msgspec.Struct, frozen=True):
    """Two one-sided bounds as one interval; ``level`` is what it covers, 0.9 for bounds at 0.05.

    A bound is None where nothing can be excluded on that side.
    """

    lower: float | None
    upper: float | None
    level: float


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """How one rule came out on all rows or on one slice."""

    rule: int  # its place in the configuration, from 0; -1 for the anchor
    metric: str
    question: Question
    word: Literal["pass", "fail", "inconclusive", "not_judged"]
    reason: str  # a word from REASONS
    says: str  # the same in a sentence
    slice: str = ""  # carrier=UA; empty: all rows
    versus: str = ""
    evidence: Literal["interval", "point"] = "interval"
    on_inconclusive: Standing = "block"
    candidate: float | None = None
    other: float | None = None
    estimate: float | None = None  # what is judged: the value, or the difference, more is better
    limit: float | None = None  # what it is compared with: at_least, at_most, minus the margin, 0
    interval: Interval | None = None
    alpha: float | None = None
    method: str = ""
    rows: int = 0
    events: int | None = None
    blocks: int = 0
    discordant: int | None = None
    design_effect: float | None = None
    harm: float | None = None  # how likely so little is if it is not worse than the margin
    harm_corrected: float | None = None  # Holm over the slices
    detectable: float | None = None  # the smallest distance from the limit found in 4 of 5 cases
    power: float | None = None  # of passing if both models are equally good
    rows_to_decide: int | None = None


class Trap(msgspec.Struct, frozen=True):
    """Something about the rows or predictions that must not pass in silence."""

    kind: str
    word: Literal["fail", "inconclusive"]
    says: str


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that were not judged, and why."""

    seen: int = 0  # a model was trained, tuned, stopped or calibrated on them
    seen_known: bool = True
    unlabelled: int = 0  # their truth never came
    unusable: int = 0  # no truth, or a prediction that is no number


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate has shown. ``digest`` names the record, itself left out."""

    word: Word
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    traps: tuple[Trap, ...] = ()
    on_inconclusive: Standing = "block"  # the strictest of what is inconclusive
    no_change: bool = False
    mode: Literal["off", "warn", "enforce"] = "enforce"
    confidence: float
    alpha: float
    spending: Spending
    rows: int
    blocks: str  # what stands or falls together
    left_out: LeftOut
    seed: int
    resamples: int
    joint_power: float | None = None  # of all slices that ask for non-inferiority
    digests: dict[str, str]  # what was judged: model, champion, data, rules, code
    had: dict[str, str] = {}  # by model: how its predictions were come by
    notes: tuple[str, ...] = ()  # what else whoever judged had to say, such as how to get new rows
    curves: dict[str, ModelCurves] = {}  # by model
    basis: Basis = "test"  # trial: rows of live traffic, answered by both
    digest: str = ""
    format: int = FORMAT

    @property
    def lacks_only_bucket(self) -> bool:
        """Say whether nothing is open but what only the bucket could tell: it stops nobody."""
        open_ = [each.reason for each in self.findings if each.word == "inconclusive"]
        return self.word == "inconclusive" and not self.traps and set(open_) == {"no_bucket"}


def sealed(verdict: Verdict) -> Verdict:
    """Return the verdict with its digest."""
    bare = msgspec.structs.replace(verdict, digest="")
    return msgspec.structs.replace(bare, digest=blake3(encode(bare)).hexdigest())


def encode(verdict: Verdict) -> bytes:
    """Return the verdict as JSON."""
    return msgspec.json.encode(verdict, order="sorted")


def decode(stored: bytes) -> Verdict:
    """Return a stored verdict; NotProven where it is not what its digest says."""
    head = msgspec.json.decode(stored, type=dict[str, Any])
    if head.get("format") != FORMAT:
        raise WrongUsage(
            f"this verdict has the format {head.get('format')}, this trueup reads {FORMAT}",
            remedy="Use the trueup that wrote it, or a newer one.",
        )
    verdict = msgspec.json.decode(stored, type=Verdict)
    # Of the fields as they are stored: a trueup that knows more or fewer of them finds the same.
    bare = msgspec.json.encode({**head, "digest": ""}, order="sorted")
    if verdict.digest != blake3(bare).hexdigest():
        raise NotProven(
            "the verdict is not the one that its digest names",
            remedy="Judge the candidate again: trueup gate",
        )
    return verdict
