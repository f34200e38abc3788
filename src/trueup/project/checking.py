"""What only the gate knows to be wrong with a configuration, told with its line, before a run."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from trueup.config.mistakes import ConfigInvalid, Mistake
from trueup.project.workspace import Workspace

if TYPE_CHECKING:
    from trueup.gate.checking import RuleMistake

_Path: TypeAlias = tuple[str | int, ...]


def check_rules(workspace: Workspace, *, margins: bool = True) -> None:
    """Raise ConfigInvalid with every mistake in the rules of models and environments.

    Without ``margins``, one that is missing is left to who knows the rows, and can name it.
    """
    found = [
        (path, mistake)
        for path, mistake in _mistakes(workspace)
        if margins or mistake.kind != "margin"
    ]
    if not found:
        return
    from trueup.config.yaml import parse

    file = workspace.project.file
    written = parse((workspace.root / file).read_bytes(), file)
    raise ConfigInvalid(
        [Mistake(one.problem, one.remedy, written.place((*path, one.key))) for path, one in found]
    )


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
