"""A project's own metrics, called in the project's own environment."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from trueup.delivery.elsewhere.asking import Asking
from trueup.delivery.elsewhere.own import project_software
from trueup.delivery.elsewhere.talking import Worker, working


@dataclass(frozen=True)
class Function:
    """``module:name`` of the project, as if it had been imported: truth, prediction to numbers."""

    name: str
    greater_is_better: bool
    _worker: Worker

    def __call__(self, truth: Any, predicted: Any) -> Any:
        """Return one number, or one a row; WorkerFailed names the function and its last words."""
        columns = {"truth": truth, "predicted": predicted}
        _, answered = self._worker.ask({"op": "call", "call": self.name}, columns)
        value = answered["value"]
        return value if value.ndim else float(value) if value == value else math.nan


@contextmanager
def functions(asking: Asking) -> Iterator[Callable[[str], Function]]:
    """Give what finds a function by name; all run in one process, which ends afterwards."""
    place = replace(project_software(asking).place, code=(asking.root, asking.root / "src"))
    with working(place) as worker:

        def found(name: str) -> Function:
            said, _ = worker.ask({"op": "load", "call": name})
            return Function(name, bool(said["higher"]), worker)

        yield found
