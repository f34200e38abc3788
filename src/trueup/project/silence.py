"""Time in which nothing was captured of a watched model, and which version should have answered."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from trueup.captures.layout import Segment
from trueup.monitoring.watching.silence import silent_windows
from trueup.monitoring.watching.windows import Window, windows_of
from trueup.project.watch import Watch
from trueup.registry.history import History
from trueup.registry.registry import Resolved


def silences(
    watch: Watch, found: Resolved, segments: Sequence[Segment]
) -> Mapping[int, list[Window]]:
    """Return the windows without captures by the version that was live then.

    Time after the last capture counts only where captures come as they happen: what was brought
    here long after its time, as a table of last year is, has not stopped today.
    """
    if not segments:
        return {}
    captured = windows_of(segments, watch.settings.window_s)
    live = _Live(found, captured)
    by_version: dict[int, list[Window]] = {}
    for one in silent_windows(captured, _until(watch, segments)):
        by_version.setdefault(live.version(one), []).append(one)
    return by_version


def _until(watch: Watch, segments: Sequence[Segment]) -> datetime:
    last = max(segments, key=lambda one: one.last_ms)
    at = datetime.fromtimestamp(last.last_ms / 1000, UTC)
    longest = timedelta(seconds=watch.settings.window_s + watch.lateness_s)
    entry = next(iter(watch.workspace.bucket.list(last.key)), None)
    is_of_then = entry is not None and entry.modified - at <= longest
    return watch.now if is_of_then else at


class _Live:
    """Which version was champion when; before the first was, which has answered last."""

    def __init__(self, found: Resolved, captured: Mapping[Window, Sequence[Segment]]) -> None:
        self._answered = [(window, some[-1].version) for window, some in captured.items()]
        self._moves: list[tuple[datetime, int | None]] = []
        history = History(found.history.model)
        for event in found.history.events:
            history = history.then(event)
            self._moves.append((event.at, history.champion(found.environment)))

    def version(self, window: Window) -> int:
        moved = [champion for at, champion in self._moves if at <= window.begin]
        if moved and moved[-1] is not None:
            return moved[-1]
        return [version for one, version in self._answered if one < window][-1]
