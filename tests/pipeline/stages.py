"""Stages made in one line, for tests of the pure centre."""

from trueup.config.records import Dependency, Output, Stage


def stage(name: str, deps: str = "", outs: str = "", **more: object) -> Stage:
    """Return a stage from space-separated paths."""
    return Stage(
        name,
        (f"make {name}",),
        deps=tuple(Dependency(path) for path in deps.split()),
        outs=tuple(Output(path) for path in outs.split()),
        **more,  # type: ignore[arg-type] # fields of Stage, by name
    )


def named(*stages: Stage) -> dict[str, Stage]:
    """Return stages by name."""
    return {each.name: each for each in stages}
