"""The registry's verbs as functions: what ``import trueup`` offers of them."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from trueup.project.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    import polars as pl

    from trueup.delivery.judging import Judgement
    from trueup.monitoring.watching.events import Checked
    from trueup.monitoring.watching.standing import Standing
    from trueup.project.converting import Conversed
    from trueup.project.promoting import Promotion
    from trueup.registry.history import History
    from trueup.registry.records import Event, RolledBack
    from trueup.registry.registry import Resolved
    from trueup.serving.batch.running import Predicted

Folder: TypeAlias = str | os.PathLike[str]


def register(model: str, *, folder: Folder = ".") -> "Resolved":
    """Make a model's file a version and return it, as ``trueup register`` does.

    The same model of the same code is the same version.
    """
    from trueup.project import gating

    with _opened(folder) as workspace:
        return gating.register_model(workspace, model)


def history(model: str, *, folder: Folder = ".") -> "History":
    """Return what happened to a model: events, versions, and who is champion where."""
    from trueup.project import registering

    with _opened(folder) as workspace:
        return registering.history(workspace, model)


def resolve(name: str, *, env: str = "", folder: Folder = ".") -> "Resolved":
    """Return the version that ``[PROJECT/]MODEL[@ALIAS|/N]`` stands for, with its digests."""
    from trueup.project import registering

    with _opened(folder) as workspace:
        return registering.resolve(workspace, name, env)


def judge(name: str, *, env: str = "", trial: bool = False, folder: Folder = ".") -> "Judgement":
    """Judge a model's file or a version of it, as ``trueup gate`` does, and return the verdict.

    With trial a challenger is judged by its live rows. ``verdict.word`` is pass, fail or
    inconclusive; the module ``trueup.gate`` has the name already.
    """
    from trueup.project import gating

    with _opened(folder) as workspace:
        if trial:
            return gating.gate_trial(workspace, name, environment=env)
        return gating.gate(workspace, name, env)


def promote(name: str, *, env: str = "", folder: Folder = ".", **wanted: Any) -> "Promotion":
    """Make a version the champion of an environment, as ``trueup promote`` does.

    Further arguments are override (with why), source and source_environment. Raises Refused where
    it may not be (its ``refusal`` says why), ChampionMoved where the champion is another by now.
    """
    from trueup.project import promoting

    with _opened(folder) as workspace:
        return promoting.promote(workspace, name, promoting.Wanted(environment=env, **wanted))


def approve(name: str, *, env: str = "", why: str = "", folder: Folder = ".") -> "Event | None":
    """Approve a version for an environment; None where that was said before."""
    from trueup.project import promoting

    with _opened(folder) as workspace:
        return promoting.approve(workspace, name, env, why)


def reject(name: str, *, env: str = "", why: str = "", folder: Folder = ".") -> "Event | None":
    """Object to a version in an environment; None where that was said before."""
    from trueup.project import promoting

    with _opened(folder) as workspace:
        return promoting.reject(workspace, name, env, why)


def rollback(model: str, *, env: str = "", why: str = "", folder: Folder = ".") -> "RolledBack":
    """Let the champion give way to the one before it, and return the event."""
    from trueup.project import promoting

    with _opened(folder) as workspace:
        return promoting.rollback(workspace, model, env, why)


def alias(
    name: str, alias: str, *, env: str = "", remove: bool = False, folder: Folder = "."
) -> "Event | None":
    """Give a version an alias in an environment, or take it away; None where nothing changed."""
    from trueup.project import promoting

    with _opened(folder) as workspace:
        wanted = promoting.Wanted(environment=env)
        return promoting.alias(workspace, name, alias, wanted, remove=remove)


def deprecate(name: str, *, why: str = "", folder: Folder = ".") -> "Event | None":
    """Say of a version that it is not to be promoted again; None where that was said before."""
    from trueup.project import promoting

    with _opened(folder) as workspace:
        return promoting.deprecate(workspace, name, why)


def convert(
    name: str, *, out: Folder | None = None, env: str = "", folder: Folder = "."
) -> "Conversed":
    """Write a model as ONNX, as ``trueup convert`` does; ``record.refused`` says why it was not.

    Raises NotConvertible where no graph is known that could answer as the model does.
    """
    from trueup.project import converting

    with _opened(folder) as workspace:
        return converting.convert(workspace, name, None if out is None else Path(out), env)


def predict(
    name: str,
    table: Any,
    out: Folder | None = None,
    *,
    env: str = "",
    folder: Folder = ".",
    **wanted: Any,
) -> "Predicted | pl.DataFrame":
    """Score a table, as ``trueup predict`` does, and return what became of it.

    The table is a path, a URL, or one in memory (polars, pandas, Arrow, columns by name). Without
    out the predictions themselves are returned, as a polars frame. Further arguments are
    partition, id, at, rejected, most_rejected, replace, override and why. Raises DataBroken
    where too many rows cannot be predicted.
    """
    from trueup.project import predicting

    with _opened(folder) as workspace:
        places = (table, None if out is None else os.fspath(out))
        more = {"environment": env, **wanted}
        return predicting.predict_table(workspace, name, *places, **more)


def monitor(name: str, *, env: str = "", folder: Folder = ".", **wanted: Any) -> "Standing":
    """Check the closed windows of a model's captures, as ``trueup monitor`` does.

    ``word`` of what is returned is broken, alarm or None. Further arguments are since, until and
    now (aware), and reference, a span of captures.
    """
    from trueup.project import monitoring

    with _opened(folder) as workspace:
        return monitoring.monitor(workspace, monitoring.Wanted(name, env, **wanted))


def acknowledge(
    name: str, window: str, why: str, *, env: str = "", folder: Folder = "."
) -> "tuple[Checked, ...]":
    """Say that somebody has seen what a window shows, and return its checks."""
    from trueup.project import monitoring

    with _opened(folder) as workspace:
        return monitoring.acknowledge(workspace, name, window, why, env)


VERBS: dict[str, Callable[..., Any]] = {
    verb.__name__: verb
    for verb in (
        register,
        history,
        resolve,
        judge,
        promote,
        approve,
        reject,
        rollback,
        alias,
        deprecate,
        convert,
        predict,
        monitor,
        acknowledge,
    )
}


def _opened(folder: Folder) -> "closing[Workspace]":
    return closing(open_workspace(Path(folder).absolute(), os.environ))
