"""Makes stages fit together: one writer for each path, no stage that reads what it writes."""

from collections.abc import Sequence

import msgspec

from trueup.project.beginning.findings import Listing, StageDraft

_MOST_FILES = 20  # of a folder, named one by one


def untangled(stages: Sequence[StageDraft], listing: Listing) -> tuple[list[StageDraft], list[str]]:
    """Return the stages in the order of their work, and what had to be left out, with reasons."""
    notes: list[str] = []
    stages = [_itself(stage, stages, listing, notes) for stage in stages]
    kept: list[StageDraft] = []
    for stage in stages:
        clash = _clash(stage, kept)
        if clash:
            notes.append(f"{stage.deps[0]}: left out, {clash}")
        else:
            kept.append(stage)
    return _in_order(kept, notes), notes


def _itself(
    stage: StageDraft, stages: Sequence[StageDraft], listing: Listing, notes: list[str]
) -> StageDraft:
    """Return a stage that reads nothing that it writes."""
    outs = [path for path in stage.outs if not _holds_other(path, stage.writes)]
    notes += [
        f"{stage.deps[0]}: its folder {path} is not an output, other outputs lie in it"
        for path in stage.outs
        if path not in outs
    ]
    stage = msgspec.structs.replace(stage, outs=tuple(outs))
    deps: list[str] = []
    for path in stage.deps:
        if not any(overlap(path, out) for out in stage.writes):
            deps.append(path)
            continue
        made = [out for other in stages for out in other.writes]
        inside = sorted(f for f in listing.files if f.startswith(f"{path}/"))
        free = [file for file in inside if not any(overlap(file, out) for out in made)]
        deps += free[:_MOST_FILES]
    return msgspec.structs.replace(stage, deps=tuple(dict.fromkeys(deps)))


def _clash(stage: StageDraft, kept: Sequence[StageDraft]) -> str:
    for other in kept:
        for path in stage.writes:
            for theirs in other.writes:
                if overlap(path, theirs):
                    return f"it writes {path}, which stage {other.name} writes too"
    return ""


def _in_order(stages: Sequence[StageDraft], notes: list[str]) -> list[StageDraft]:
    """Return the stages, each after those it reads from; what closes a circle is left out."""
    waiting, done = list(stages), list[StageDraft]()
    while waiting:
        free = [stage for stage in waiting if not _waits(stage, waiting)]
        if free:
            done.append(free[0])
            waiting.remove(free[0])
            continue
        last = waiting.pop()
        notes.append(f"{last.deps[0]}: left out, it reads what depends on what it writes")
    return done


def _waits(stage: StageDraft, waiting: Sequence[StageDraft]) -> bool:
    others = (other for other in waiting if other is not stage)
    return any(overlap(dep, out) for o in others for out in o.writes for dep in stage.deps)


def _holds_other(path: str, writes: Sequence[str]) -> bool:
    return any(other.startswith(f"{path}/") for other in writes)


def overlap(one: str, other: str) -> bool:
    """Tell whether two paths are one, or one lies within the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
