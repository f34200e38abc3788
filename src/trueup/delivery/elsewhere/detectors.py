"""A project's own detectors, called in the project's own environment, as its metrics are."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.delivery.elsewhere.talking import Place, Worker, working
from trueup.models.tables import as_table
from trueup.pipeline.environment import python_on_path

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Comparing:
    """``module:name`` of the project, as if it had been imported: two tables to what it says."""

    name: str
    _worker: Worker

    def __call__(self, reference: "pl.DataFrame", window: "pl.DataFrame") -> Any:
        """Return its number or record; WorkerFailed names the function and its last words."""
        columns = {
            f"{side}/{name}": column
            for side, table in (("reference", reference), ("window", window))
            for name, column in as_table(table).columns().items()
        }
        said, _ = self._worker.ask({"op": "compare", "call": self.name}, columns)
        return said["said"]


@contextmanager
def detector_functions(
    root: Path, env: Mapping[str, str], secrets: Mapping[str, str] | None = None
) -> Iterator[Callable[[str], Comparing]]:
    """Give what finds a function by name; all run in one process, started by the first.

    The stages' secrets are kept from it.
    """
    hidden = secrets or {}
    python = python_on_path(env) or Path(sys.executable)
    given = {name: value for name, value in env.items() if name not in hidden}
    place = Place(
        python=python,
        cwd=root,
        env=given,
        code=(root, root / "src"),
        secrets=tuple(hidden.values()),
    )
    with ExitStack() as stack:
        workers: list[Worker] = []

        def found(name: str) -> Comparing:
            if not workers:
                workers.append(stack.enter_context(working(place)))
            workers[0].ask({"op": "load", "call": name})
            return Comparing(name, workers[0])

        yield found
