"""Keeps the profile of each captured segment beside it, on the grid that monitoring has."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from trueup.captures.layout import CAPTURES
from trueup.captures.segments import Piece
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    from trueup.monitoring.profiles.captured import Counter
    from trueup.monitoring.profiles.served import Scheme

Schemes: TypeAlias = "Callable[[str], Scheme | None]"  # of a model's full name


class Profiling:
    """What a shipper calls for each segment; without a grid, or where anything fails, it lets be.

    Whoever monitors then counts the rows, to the same end.
    """

    def __init__(self, bucket: Bucket, schemes: Schemes, tell: Callable[[str], None]) -> None:
        self._bucket, self._schemes, self._tell = bucket, schemes, tell
        self._counters: dict[str, Counter] = {}  # by model
        self._told = False

    def keep(self, piece: Piece) -> None:
        """Count a segment's rows, and keep what they come to in each window."""
        self._trying(self._keep, piece)

    def forget(self, piece: Piece) -> None:
        """Remove what was kept of a segment: some of its rows are to go."""
        self._trying(self._forget, piece)

    def _keep(self, piece: Piece, scheme: "Scheme") -> None:
        from trueup.monitoring.profiles.served import encode_part, part_key, parts_of

        counter = self._counter(piece.model, scheme)
        for window, part in parts_of(piece, scheme.window_s, counter):
            key = part_key(self._bucket, piece.model, scheme.grid.digest, window, piece.segment)
            self._bucket.put(key, encode_part(part))

    def _forget(self, piece: Piece, scheme: "Scheme") -> None:
        from trueup.monitoring.profiles.served import part_key
        from trueup.monitoring.watching.windows import windows_of

        digest = scheme.grid.digest
        self._bucket.delete(
            part_key(self._bucket, piece.model, digest, window, piece.segment)
            for window in windows_of([piece.segment], scheme.window_s)
        )

    def _trying(self, work: "Callable[[Piece, Scheme], None]", piece: Piece) -> None:
        scheme = self._schemes(piece.model) if piece.kind == CAPTURES else None
        if scheme is None or not scheme.window_s:
            return
        try:
            work(piece, scheme)
        except Exception as error:  # noqa: BLE001 - a thread's edge: captures are worth more
            if not self._told:
                self._told = True
                self._tell(f"profiles of captures are not kept: {type(error).__name__}: {error}")

    def _counter(self, model: str, scheme: "Scheme") -> "Counter":
        from trueup.monitoring.profiles.captured import Counter

        found = self._counters.get(model)
        if found is None or found.grid.digest != scheme.grid.digest:
            found = self._counters[model] = Counter(scheme.grid)
        return found
