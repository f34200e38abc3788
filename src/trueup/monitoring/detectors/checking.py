"""Detectors' names checked before anything runs: what can be told from the configuration alone."""

from collections.abc import Iterator, Sequence

import msgspec

from trueup.config.model_entries import DriftEntry
from trueup.errors import WrongUsage, did_you_mean
from trueup.monitoring.detectors.naming import Catalogue, is_function, unknown

# The effects, which are measured of every column whether they are named or not.
MEASURED = (
    "jensen_shannon", "psi", "wasserstein", "ks", "chi_squared", "hellinger", "l_infinity",
)  # fmt: skip


class DetectorMistake(msgspec.Struct, frozen=True):
    """What is wrong with one name: ``position`` in the list, from 0."""

    position: int
    problem: str
    remedy: str


def check_detectors(drift: DriftEntry, catalogue: Catalogue) -> list[DetectorMistake]:
    """Return every mistake in monitor.drift.detectors.

    Whether a detector's package is installed is not asked: it may be where windows are checked.
    """
    return [
        DetectorMistake(at, error.problem, error.remedy)
        for at, name in enumerate(drift.detectors)
        for error in _wrong(name, drift.detectors[:at], catalogue)
    ]


def check_named(named: Sequence[str], drift: DriftEntry) -> list[DetectorMistake]:
    """Return every detector that a policy names and the model does not run."""
    known = ", ".join(drift.detectors) or "none"
    return [
        DetectorMistake(
            at,
            f"the policy names the detector {name}, which does not look at this model",
            f"{did_you_mean(name, drift.detectors)}monitor.drift.detectors names {known}.",
        )
        for at, name in enumerate(named)
        if name not in drift.detectors
    ]


def _wrong(name: str, before: tuple[str, ...], catalogue: Catalogue) -> Iterator[WrongUsage]:
    if name in before:
        yield WrongUsage(f"the detector {name} is named twice", remedy="Leave one of them out.")
    elif is_function(name):
        if not all(part.isidentifier() for part in name.replace(":", ".", 1).split(".")):
            yield WrongUsage(
                f"{name!r} names no function",
                remedy="Write module:function, such as checks.drift:far",
            )
    elif name in MEASURED:
        yield WrongUsage(
            f"{name} is an effect, which is measured of every column anyway",
            remedy="Leave it out.",
        )
    elif name not in catalogue.names:
        yield unknown(name, catalogue.names)
