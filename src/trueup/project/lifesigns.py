"""Whether what repeats the passes of this project's loops is alive, for the doctor."""

from collections.abc import Iterator

from trueup import clock
from trueup.errors import TrueupError
from trueup.loop.heartbeat import missing_beats
from trueup.project.doctor import Finding
from trueup.project.looping import looped_models
from trueup.project.workspace import Workspace


def look_at_heartbeats(workspace: Workspace) -> Iterator[Finding]:
    """Yield each heartbeat that is missing, once, with the models that nobody may be watching."""
    silent: dict[str, tuple[str, list[str]]] = {}
    try:
        for model in looped_models(workspace):
            name = f"{workspace.project.name}/{model}"
            for heart, last in missing_beats(workspace.bucket, name, clock.now()).items():
                silent.setdefault(heart, (last.says, []))[1].append(name)
    except TrueupError:
        return  # what is wrong with the store is a finding of its own
    for heart, (says, models) in silent.items():
        serves = f"the loop of {', '.join(models)}"
        yield Finding(f"heartbeat {heart}", "missing", serves, says, f"trueup watch --name {heart}")
