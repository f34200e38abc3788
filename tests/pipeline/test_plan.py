"""What runs and why, decided from values alone."""

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pipeline.stages import named, stage
from trueup.config.records import Stage
from trueup.pipeline.graph import graph_of
from trueup.pipeline.inputs import Inputs, Locked, key_of
from trueup.pipeline.plan import Seen, decide, plan
from trueup.store.artifacts import Artifact

A, B = Artifact("a" * 64, 1), Artifact("b" * 64, 1)
NOW = Inputs(("make s",), deps={"d": "1" * 64}, outs=("o",))
WAS = msgspec.structs.replace(NOW, deps={"d": "2" * 64})


def seen(
    *,
    inputs: Inputs | None = NOW,
    locked: Inputs | None = NOW,
    there: Artifact | None = A,
    earlier: dict[str, Artifact] | None = None,
    kept: bool = True,
    forced: bool = False,
    waits_for: tuple[str, ...] = (),
    what: Stage | None = None,
) -> Seen:
    return Seen(
        stage=what or stage("s", deps="d", outs="o"),
        inputs=inputs,
        locked=Locked(key_of(locked), locked, {"o": A}) if locked else None,
        present={"o": there},
        earlier=lambda _: earlier,
        kept=lambda _: kept,
        forced=forced,
        waits_for=waits_for,
    )


def kinds(what: Seen) -> tuple[str, list[str]]:
    step = decide(what)
    return step.action, [reason.kind for reason in step.reasons]


@pytest.mark.parametrize(
    ("what", "action", "reasons"),
    [
        (seen(), "keep", ["unchanged"]),
        (seen(locked=None), "run", ["first_run"]),
        (seen(locked=WAS), "run", ["dependency_changed"]),
        (seen(locked=WAS, earlier={"o": B}), "fetch", ["dependency_changed", "cached"]),
        (seen(locked=WAS, earlier={"o": B}, kept=False), "run", ["dependency_changed"]),
        (seen(locked=WAS, earlier={"other": B}), "run", ["dependency_changed"]),
        (seen(locked=WAS, earlier={"o": A}, kept=False), "fetch", ["dependency_changed", "cached"]),
        (seen(there=None), "fetch", ["output_missing"]),
        (seen(there=B), "fetch", ["output_modified"]),
        (seen(there=None, kept=False), "run", ["output_missing", "not_kept"]),
        (seen(forced=True, earlier={"o": A}), "run", ["forced"]),
        (seen(what=stage("s", outs="o", always_changed=True)), "run", ["always_changed"]),
        (seen(what=stage("s", outs="o", frozen=True), locked=WAS), "keep", ["frozen"]),
        (
            seen(what=stage("s", outs="o", frozen=True), there=None),
            "fetch",
            ["frozen", "output_missing"],
        ),
        (seen(inputs=None, waits_for=("up",)), "run", ["upstream"]),
        (seen(inputs=None, locked=None, waits_for=("up",)), "run", ["first_run", "upstream"]),
    ],
)
def test_each_case_has_its_action_and_its_reasons(
    what: Seen, action: str, reasons: list[str]
) -> None:
    assert kinds(what) == (action, reasons)


def test_a_changed_parameter_is_named_with_both_values() -> None:
    now = msgspec.structs.replace(NOW, params={"params.yaml": {"train": {"depth": 8, "seed": 1}}})
    was = msgspec.structs.replace(NOW, params={"params.yaml": {"train": {"depth": 6, "seed": 1}}})
    (reason,) = decide(seen(inputs=now, locked=was)).reasons
    assert reason.text == "parameter train.depth changed from 6 to 8"


class _World:
    """A project in which a stage's output is a function of its inputs."""

    def __init__(self, stages: Mapping[str, Stage], locked: set[str]) -> None:
        self.locked = {
            name: Locked(key_of(self.inputs(s)), self.inputs(s), {o.path: A for o in s.outs})
            for name, s in stages.items()
            if name in locked
        }

    @staticmethod
    def inputs(of: Stage) -> Inputs:
        return Inputs(of.cmd, deps={dep.path: A.digest for dep in of.deps})

    def seen(self, stage: Stage, made: Mapping[str, Artifact], waits_for: tuple[str, ...]) -> Seen:
        return Seen(
            stage=stage,
            inputs=None if waits_for else self.inputs(stage),
            locked=self.locked.get(stage.name),
            present={out.path: A for out in stage.outs},
            earlier=lambda _: None,
            kept=lambda _: True,
            waits_for=waits_for,
        )


_arrows = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25)


def _stages(arrows: list[tuple[int, int]]) -> dict[str, Stage]:
    down = {(min(a, b), max(a, b)) for a, b in arrows if a != b}
    return named(
        *(
            stage(f"s{i}", deps=" ".join(f"o{a}" for a, b in down if b == i), outs=f"o{i}")
            for i in range(10)
        )
    )


@given(_arrows)
def test_the_plan_of_an_unchanged_project_is_empty(arrows: list[tuple[int, int]]) -> None:
    stages = _stages(arrows)
    steps = plan(graph_of(stages), _World(stages, set(stages)))
    assert {step.action for step in steps} == {"keep"}


@given(_arrows, st.sets(st.integers(0, 9)))
def test_exactly_what_is_new_and_what_follows_it_runs(
    arrows: list[tuple[int, int]], new: set[int]
) -> None:
    stages = _stages(arrows)
    fresh = {f"s{i}" for i in new}
    graph = graph_of(stages)
    steps = plan(graph, _World(stages, set(stages) - fresh))
    assert {step.stage for step in steps if step.action == "run"} == graph.descendants(fresh)
