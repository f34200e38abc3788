"""What comes of rows that were predicted once more: a capture, and counts by how they differ."""

from collections.abc import Callable, Sequence

import msgspec

from trueup.captures.records import Captured
from trueup.serving.capturing import captured, explored_apart
from trueup.serving.counting import Counts
from trueup.serving.shadows import Done


class Beside:
    """Where one line's shadows go; captures from their thread, counts on the event loop."""

    def __init__(self, line: str, offer: Callable[[Captured], bool], counts: Counts) -> None:
        self.line, self.offer, self.counts = line, offer, counts

    def kept(self, done: Done) -> None:
        """Capture an answer under the id and the time of the one that was returned."""
        asked = done.pending
        if done.outputs is None:
            return
        made = captured(asked.served, done.rows, asked.ids, done.outputs, done.spent_s)
        made = msgspec.structs.replace(made, at=asked.at_ns, role="shadow")
        for part in explored_apart(made, asked.explored, asked.propensity):
            self.offer(msgspec.structs.replace(part, role="shadow"))

    def told(self, done: Sequence[Done]) -> None:
        """Count answers, how they differ, and failures."""
        counts = self.counts
        for one in done:
            if one.outputs is None or one.compared is None:
                counts.shadows[self.line, "failed"] += one.rows.count
                continue
            counts.shadows[self.line, "compared"] += one.rows.count
            counts.in_role(self.line, "shadow", one.rows.count, one.spent_s)
            counts.compared(self.line, one.compared)

    def dropped(self, rows: int) -> None:
        """Count rows for which there was no room."""
        self.counts.shadows[self.line, "dropped"] += rows
