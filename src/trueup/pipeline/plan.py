"""What would run, and why: the pure centre of the pipeline."""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import msgspec

from trueup.config.records import Stage
from trueup.pipeline.graph import Graph
from trueup.pipeline.inputs import Inputs, Locked, key_of
from trueup.pipeline.reasons import Reason, differences
from trueup.store.artifacts import Artifact

Action = Literal["keep", "fetch", "run"]


class Step(msgspec.Struct, frozen=True):
    """What to do with one stage, and every reason for it."""

    stage: str
    action: Action
    reasons: tuple[Reason, ...]
    key: str = ""  # empty while an input is not known yet
    inputs: Inputs | None = None
    outs: dict[str, Artifact] = {}  # what keep and fetch end with


class Seen(msgspec.Struct, frozen=True):
    """All that the decision on one stage rests on."""

    stage: Stage
    inputs: Inputs | None  # None: an input is still to be made
    locked: Locked | None
    present: Mapping[str, Artifact | None]  # declared outputs, as they lie in the project now
    earlier: Callable[[str], dict[str, Artifact] | None]  # a key's outputs, from cache records
    kept: Callable[[Artifact], bool]  # whether its bytes can be had
    forced: bool = False
    waits_for: tuple[str, ...] = ()  # upstream stages that will run


def decide(seen: Seen) -> Step:
    """Return what to do with a stage: keep what is there, fetch what is known, or run."""
    stage, locked = seen.stage, seen.locked
    if stage.frozen and not seen.forced:
        return _frozen(seen)
    changed = differences(locked, seen.inputs) if seen.inputs else ()
    key = key_of(seen.inputs) if seen.inputs else ""
    asked = _asked(stage, seen.forced)
    if asked or seen.inputs is None:
        above = tuple(Reason("upstream", name) for name in seen.waits_for)
        if seen.inputs is None and not above:
            above = (Reason("not_known_yet"),)
        first = () if seen.inputs or locked else (Reason("first_run"),)
        return Step(stage.name, "run", asked + first + changed + above, key, seen.inputs)
    if not changed and locked:
        return _unchanged(seen, locked, key)
    outs = seen.earlier(key)
    if outs is not None and set(outs) == {out.path for out in stage.outs}:
        lost = _out_of_reach(seen, outs)
        if not lost:
            reasons = (*changed, Reason("cached", key[:12]))
            return Step(stage.name, "fetch", reasons, key, seen.inputs, outs)
    return Step(stage.name, "run", changed, key, seen.inputs)


class View(Protocol):
    """How a plan sees the project, without changing it."""

    def seen(self, stage: Stage, made: Mapping[str, Artifact], waits_for: tuple[str, ...]) -> Seen:
        """Return what is known of a stage; made: the outputs that earlier steps end with."""
        ...


def plan(graph: Graph, view: View) -> list[Step]:
    """Return a step for each stage, in order; nothing is run, fetched or written."""
    steps: list[Step] = []
    running: set[str] = set()
    made: dict[str, Artifact] = {}
    for name, stage in graph.stages.items():
        waits_for = tuple(above for above in graph.upstream[name] if above in running)
        step = decide(view.seen(stage, made, waits_for))
        if step.action == "run":
            running.add(name)
        elif step.action == "fetch":
            made.update(step.outs)
        steps.append(step)
    return steps


def _asked(stage: Stage, forced: bool) -> tuple[Reason, ...]:
    if forced:
        return (Reason("forced"),)
    if stage.always_changed:
        return (Reason("always_changed"),)
    declares = stage.deps or stage.params or stage.outs
    return () if declares else (Reason("no_declarations"),)


def _frozen(seen: Seen) -> Step:
    locked = seen.locked
    missing = {
        path: artifact
        for path, artifact in (locked.outs if locked else {}).items()
        if seen.present.get(path) is None
    }
    if not (locked and missing):
        return Step(seen.stage.name, "keep", (Reason("frozen"),))
    reasons = (Reason("frozen"), *(Reason("output_missing", path) for path in missing))
    return Step(seen.stage.name, "fetch", reasons, locked.key, locked.inputs, missing)


def _unchanged(seen: Seen, locked: Locked, key: str) -> Step:
    name = seen.stage.name
    spoiled: list[Reason] = []
    for path, artifact in locked.outs.items():
        there = seen.present.get(path)
        if there is None:
            spoiled.append(Reason("output_missing", path))
        elif there.digest != artifact.digest:
            spoiled.append(Reason("output_modified", path))
    if not spoiled:
        return Step(name, "keep", (Reason("unchanged"),), key, seen.inputs, locked.outs)
    lost = _out_of_reach(seen, locked.outs)
    if lost:
        return Step(name, "run", (*spoiled, *lost), key, seen.inputs)
    return Step(name, "fetch", tuple(spoiled), key, seen.inputs, locked.outs)


def _out_of_reach(seen: Seen, outs: dict[str, Artifact]) -> tuple[Reason, ...]:
    """Name the outputs that neither lie in the project as wanted nor can be fetched."""
    lost = []
    for path, artifact in outs.items():
        there = seen.present.get(path)
        if (there is None or there.digest != artifact.digest) and not seen.kept(artifact):
            lost.append(Reason("not_kept", path))
    return tuple(lost)
