"""The detectors that a model names, opened: built in, of other packages, or the project's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trueup.project.loading import entry_of
from trueup.project.workspace import Workspace

if TYPE_CHECKING:
    from trueup.monitoring.detectors.port import Detector


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
