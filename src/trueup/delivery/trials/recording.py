"""The record of a trial that a verdict was given on."""

from trueup.captures import trials
from trueup.captures.pairing import SLICE
from trueup.captures.trials import Side, Trial
from trueup.captures.trying import compared
from trueup.delivery.subject import Subject
from trueup.delivery.trials.live import Live
from trueup.registry.records import Registered


def keep_record(subject: Subject, champion: Registered, challenger: Registered, live: Live) -> int:
    """Keep the figures of the rows that are judged, and return the record's number.

    Outside a trusted scope nothing is kept, and the number is 0.
    """
    if not subject.scope.is_trusted:
        return 0
    stamp, group = subject.stamp, live.entry.group
    begun = Trial(
        model=subject.name,
        champion=Side(champion.version, champion.model.digest),
        challenger=Side(challenger.version, challenger.model.digest),
        at=stamp.at,
        by=str(stamp.by),
        environment=subject.environment,
        until=live.until,
        group=group if SLICE + group in live.chosen.columns else "",
        missing=live.lacking,
        judged=True,
    )
    return trials.keep(subject.registry.bucket, compared(live.chosen, begun, live.entry.slices))
