"""What only a room knows to be wrong with a configuration, told with its line, before a run."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from trueup.config.mistakes import ConfigInvalid, Mistake
from trueup.config.model_entries import DriftEntry
from trueup.project.workspace import Workspace

if TYPE_CHECKING:
    from trueup.gate.checking import RuleMistake
    from trueup.monitoring.detectors.checking import DetectorMistake

_Path: TypeAlias = tuple[str | int, ...]


def check_rules(workspace: Workspace, *, margins: bool = True) -> None:
    """Raise ConfigInvalid with every mistake in rules and in detectors' names.

    Without ``margins``, one that is missing is left to who knows the rows, and can name it.
    """
    found = [
        (path, mistake)
        for path, mistake in _mistakes(workspace)
        if margins or mistake.kind != "margin"
    ]
    named = list(_of_detectors(workspace))
    if not found and not named:
        return
    from trueup.config.yaml import parse

    file = workspace.project.file
    written = parse((workspace.root / file).read_bytes(), file)
    rules = [
        Mistake(one.problem, one.remedy, written.place((*path, one.key))) for path, one in found
    ]
    names = [Mistake(one.problem, one.remedy, written.place(path)) for path, one in named]
    raise ConfigInvalid([*rules, *names])


def _mistakes(workspace: Workspace) -> "Iterator[tuple[_Path, RuleMistake]]":
    project = workspace.project
    targets = {name: target for name, target in project.environments.items() if target.rules}
    if not targets and not any(model.gate.rules for model in project.models.values()):
        return
    from trueup.gate.checking import check_rules

    points = bool(project.metrics) or any(
        out.kind == "metrics" for stage in project.stages.values() for out in stage.outs
    )
    for name, model in project.models.items():
        where: _Path = ("models", name, "gate", "rules")
        for mistake in check_rules(model, points=points):
            yield (*where, mistake.position), mistake
        for target, entry in targets.items():
            for mistake in check_rules(model, entry.rules, points=points):
                yield ("environments", target, "rules", mistake.position), mistake


def _of_detectors(workspace: Workspace) -> "Iterator[tuple[_Path, DetectorMistake]]":
    for name, model in workspace.project.models.items():
        if model.monitor is None or not model.monitor.drift.detectors:
            continue
        from trueup.integrations.offers import DETECTORS
        from trueup.monitoring.detectors.checking import check_detectors
        from trueup.monitoring.detectors.naming import Catalogue

        where: _Path = ("models", name, "monitor", "drift", "detectors")
        for mistake in check_detectors(model.monitor.drift, Catalogue(DETECTORS)):
            yield (*where, mistake.position), mistake
    for name, model in workspace.project.models.items():
        for at, trigger in enumerate(model.loop.when if model.loop else ()):
            if trigger.drift is None or not trigger.drift.detectors:
                continue
            from trueup.monitoring.detectors.checking import check_named

            where = ("models", name, "loop", "when", at, "drift", "detectors")
            drift = model.monitor.drift if model.monitor else DriftEntry()
            for mistake in check_named(trigger.drift.detectors, drift):
                yield (*where, mistake.position), mistake
