"""The detectors that a model names, opened: built in, of other packages, or the project's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.monitoring.watching.events import Checked, Detected, Referenced
from trueup.monitoring.watching.looking import detected, looked, panel_says, reference_panel
from trueup.monitoring.watching.settings import Settings
from trueup.monitoring.watching.shelf import Shelf
from trueup.project.loading import entry_of
from trueup.project.workspace import Workspace

if TYPE_CHECKING:
    from trueup.monitoring.broken.records import Broken
    from trueup.monitoring.detectors.port import Detector


class Detecting:
    """The detectors of one model while its windows are checked.

    Nothing is started before a window asks; leave the ``with`` block to end what was.
    """

    def __init__(
        self, workspace: Workspace, model: str, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.say = say
        self._workspace, self.model = workspace, model
        self._shelf = Shelf(workspace.bucket, model)
        loop = entry_of(workspace, model).loop
        triggers = [one.drift for one in (loop.when if loop else ()) if one.drift]
        self.named = frozenset(name for one in triggers for name in one.detectors)
        self._stack = ExitStack()
        self._found: dict[str, Detector] | None = None

    def __enter__(self) -> "Detecting":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._stack.close()

    def fixed(self, grid: str, table: Any, settings: Settings, *, timed: bool) -> "Fixed":
        """Run the detectors over a reference, keep them, and say what they may claim."""
        panel = reference_panel(self._opened(), table, settings, timed=timed, say=self.say)
        return Fixed(self._shelf.keep_panel(grid, panel), panel_says(panel))

    def look(
        self, reference: Referenced, before: Checked | None, table: Any, broken: "Broken"
    ) -> Detected | None:
        """Return what detectors say of a window, going on from the one before; None without any."""
        if not reference.panel:
            return None
        last = before.detected.panel if before and before.detected else reference.panel
        came = looked(self._shelf.panel(last), self._opened(), table, broken)
        pages = {
            one.name: self._shelf.keep_page(reference.grid, one.name, one.body)
            for one in came.artefacts
        }
        kept = self._shelf.keep_panel(reference.grid, came.panel)
        return msgspec.structs.replace(detected(came, self.named, pages), panel=kept)

    def _opened(self) -> "dict[str, Detector]":
        if self._found is None:
            self._found = self._stack.enter_context(detectors_of(self._workspace, self.model))
        return self._found


class Fixed(msgspec.Struct, frozen=True):
    """Detectors that have gone through a reference: their key, and what they may claim."""

    panel: str = ""
    says: tuple[str, ...] = ()


@contextmanager
def detectors_of(workspace: Workspace, model: str) -> "Iterator[dict[str, Detector]]":
    """Give the detectors of PROJECT/MODEL by their names; what they have started ends afterwards.

    Functions of the project are called in its own environment, without the stages' secrets.
    """
    monitor = entry_of(workspace, model).monitor
    names = monitor.drift.detectors if monitor else ()
    if not names:
        yield {}
        return
    from trueup.delivery.elsewhere.detectors import detector_functions
    from trueup.integrations.offers import DETECTORS
    from trueup.monitoring.detectors.naming import Catalogue

    stages = workspace.project.stages.values()
    secrets = {name: workspace.env.get(name, "") for stage in stages for name in stage.secrets}
    told = {name: value for name, value in secrets.items() if value}
    with (
        detector_functions(workspace.root, workspace.env, told) as functions,
        Catalogue(DETECTORS).opened(names, functions) as found,
    ):
        yield found
