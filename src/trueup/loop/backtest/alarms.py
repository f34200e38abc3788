"""Which alarms were right, in hindsight: against what the champions really came to."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeAlias

import msgspec

from trueup.loop.backtest.records import Alarms, PolicyRun, Window

FIRST = 4  # windows of a champion that say how well it usually does
_Seen: TypeAlias = dict[str, dict[datetime, Window]]  # by champion and beginning, in order


class Fall(msgspec.Struct, frozen=True):
    """What counts as worse: so much less of a metric, in its own unit, than the champion's usual.

    ``within`` is how many windows after a fall an alarm may still come, and before it already.
    """

    metric: str
    higher: bool  # more of it is better
    drop: float
    within: int = 2


def count(runs: Sequence[PolicyRun], fall: Fall) -> tuple[Alarms, ...]:
    """Return each policy's false alarms, missed falls, and alarms that were right.

    A champion's usual level is the mean, by rows, of its first windows before the one that is
    judged, four at most. It has fallen in a window whose metric is worse than that by the drop.

    An alarm begins in a window at whose end a trigger hits that had not hit before under this
    champion; schedules, numbers of labels and broken data are none. It is right if the champion
    has fallen in that window or one of the next ``within``, and false if not. Windows after a
    promotion are those of another champion: there the old one is looked up where another policy
    still had it, and where none had it, it is judged by the windows before.

    A fall begins in a window in which the champion has fallen and had not in the one before. It is
    missed if no trigger hits in that window, in the ``within`` before it, or in those after it.

    Windows without mature labels, broken ones and a champion's first are not counted, nor is a
    fall at the end, whose windows are not all there.
    """
    seen: _Seen = {}
    for run in runs:
        for window in run.windows:
            if not window.broken and window.metrics.get(fall.metric) is not None:
                seen.setdefault(window.champion, {})[window.begin] = window
    ordered = {champion: dict(sorted(each.items())) for champion, each in seen.items()}
    return tuple(_counted(run, fall, ordered) for run in runs)


def _counted(run: PolicyRun, fall: Fall, seen: _Seen) -> Alarms:
    windows = run.windows
    fallen = [_has_fallen(one.champion, one.begin, fall, seen) for one in windows]
    right = false = missed = 0
    for nth in _alarms(windows):
        later = windows[nth : nth + fall.within + 1]
        known = [_has_fallen(windows[nth].champion, one.begin, fall, seen) for one in later]
        right += any(known)
        false += not any(known) and known[0] is not None
    for nth, now in enumerate(fallen):
        begins = now and not (nth and fallen[nth - 1] and _same(windows, nth))
        if begins and nth + fall.within < len(windows):
            near = windows[max(0, nth - fall.within) : nth + fall.within + 1]
            missed += not any(map(_rings, near))
    judged = sum(each is not None for each in fallen)
    named = (fall.metric, fall.drop, fall.within)
    return Alarms(run.name, false, missed, right, *named, judged)


def _alarms(windows: Sequence[Window]) -> Iterator[int]:
    """Yield the windows in which an alarm begins."""
    for nth, window in enumerate(windows):
        before = nth > 0 and _same(windows, nth) and _rings(windows[nth - 1])
        if _rings(window) and not before:
            yield nth


def _same(windows: Sequence[Window], nth: int) -> bool:
    return windows[nth].champion == windows[nth - 1].champion


def _rings(window: Window) -> bool:
    return any(map(is_alarm, window.triggers))


def is_alarm(trigger: str) -> bool:
    """Say whether a trigger speaks of the model getting worse, by how it is written.

    >>> is_alarm("drift in 2 of 3 windows"), is_alarm('schedule "0 0 1 * *" (UTC)')
    (True, False)
    """
    return not (trigger.startswith(("schedule ", "broken data")) or trigger.endswith(" new labels"))


def _has_fallen(champion: str, begin: datetime, fall: Fall, seen: _Seen) -> bool | None:
    """Say whether a champion had fallen in a window; None where that is not known."""
    known = seen.get(champion, {})
    first = [one for one in islice(known.values(), FIRST) if one.begin < begin]
    rows = sum(one.labelled for one in first)
    if begin not in known or not rows:
        return None
    usual = sum(_value(one, fall) * one.labelled for one in first) / rows
    lost = usual - _value(known[begin], fall)
    return (lost if fall.higher else -lost) >= fall.drop


def _value(window: Window, fall: Fall) -> float:
    return window.metrics[fall.metric] or 0.0
