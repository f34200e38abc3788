"""Whether what repeats the passes of this project's loops is alive, for doctor and schedules."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from trueup import clock
from trueup.errors import RemoteSilent, TrueupError, WrongUsage
from trueup.loop.heartbeat import TICKED, Heartbeat, beats, missing_beats
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
        ticked = heart.startswith(TICKED)
        mends = f"trueup tick {models[0]}" if ticked else f"trueup watch --name {heart}"
        yield Finding(f"heartbeat {heart}", "missing", serves, says, mends)


def last_signs(workspace: Workspace) -> dict[str, Heartbeat | None]:
    """Return the newest sign of life of each model that has a loop; None where there is none.

    Raises WrongUsage where no model has a loop.
    """
    models = [f"{workspace.project.name}/{name}" for name in looped_models(workspace)]
    if not models:
        raise WrongUsage(
            "no model of this project has a loop",
            remedy="Say when one is retrained, under models: NAME: loop: when:",
            place=workspace.project.file,
        )
    found = {model: beats(workspace.bucket, model).values() for model in models}
    return {
        model: max(signs, key=lambda one: one.at, default=None) for model, signs in found.items()
    }


def check_alive(signs: Mapping[str, Heartbeat | None], now: datetime) -> None:
    """Raise RemoteSilent where the next sign of a model should long have come."""
    silent = [
        f"{model} ({last.says})"
        for model, last in signs.items()
        if last is not None and last.is_missing(now)
    ]
    if silent:
        raise RemoteSilent(
            f"no sign of life of the loop of {', '.join(silent)}",
            remedy="See whether what repeats its passes still does: trueup watch, or the schedule"
            " of trueup tick --every; GitHub turns off those of public repositories after 60 days"
            " without a push (gh workflow enable trueup-loop.yml)",
        )
