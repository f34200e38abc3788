"""What a loop wants before it can run, and what is refused before anything is done."""

from pathlib import Path

import pytest

from tests.project.projects import opened, write
from trueup.errors import WrongUsage
from trueup.loop.watching import Pace
from trueup.project import looping

MODEL = """
    project: p
    stages:
      train: {cmd: "true", outs: [m.onnx]}
    models:
      m:
        path: m.onnx
        task: binary
        loop: LOOP
"""


def project(root: Path, loop: str) -> Path:
    return write(root, {"trueup.yaml": MODEL.replace("LOOP", loop)})


@pytest.mark.parametrize(
    ("loop", "says"),
    [
        ("{}", "the model 'm' has no loop"),
        ("{when: [{drift: {}, do: retrain}]}", "pull_request has no forge to go to"),
        (
            "{when: [{drift: {}, do: retrain}], then: person, retrain: {where: ray}}",
            "where: ray wants a bucket that both sides reach, and the store is",
        ),
        (
            "{when: [{drift: {}, do: retrain}], then: person, retrain: {holdout: 28d}}",
            "holdout wants evaluate: time:",
        ),
        (
            "{when: [{drift: {}, do: retrain}], then: person, retrain: {params: {a.b: holdout}}}",
            "holdout wants evaluate: time:",
        ),
        (
            "{when: [{drift: {}, do: retrain}], then: promote, retrain: {refit: true}}",
            "then: promote would take it live without a trial",
        ),
        (
            "{when: [{drift: {}, do: retrain}], then: person, retrain: {refit: true}}",
            "no parameter says where that begins",
        ),
        (
            '{when: [{schedule: "0 4 * * *", zone: Europe/Berln, do: retrain}], then: person}',
            "Did you mean 'Europe/Berlin'",
        ),
    ],
)
def test_what_a_loop_cannot_carry_to_its_end_is_refused_first(
    tmp_path: Path, loop: str, says: str
) -> None:
    root = project(tmp_path, loop)
    with pytest.raises(WrongUsage, match=says):
        looping.tick(opened(root), looping.Wanted("m"))
    assert not list(root.rglob("loop"))


def test_a_loop_without_a_live_version_says_so_and_does_nothing(tmp_path: Path) -> None:
    root = project(tmp_path, "{when: [{drift: {}, do: retrain}], then: person}")
    found = looping.tick(opened(root), looping.Wanted("m"))
    assert not found.decision.actions
    assert {one.says for one in found.decision.left} == {
        "nothing is live yet: train and promote the first version with trueup run"
    }


def test_a_loop_goes_on_only_with_a_reason(tmp_path: Path) -> None:
    root = project(tmp_path, "{when: [{drift: {}, do: retrain}], then: person}")
    with pytest.raises(WrongUsage, match="wants a reason"):
        looping.resume(opened(root), looping.Wanted("m"), "")
    history = looping.resume(opened(root), looping.Wanted("m"), "the labels were late")
    assert history.resumed is not None
    assert looping.explain(opened(root), looping.Wanted("m")).history.resumed == history.resumed


def test_all_models_that_have_a_loop_are_watched(tmp_path: Path) -> None:
    root, told = project(tmp_path, "{when: [{drift: {}, do: retrain}], then: person}"), list[str]()
    assert looping.watch(opened(root), (), Pace(passes=1, every_s=0.0), say=told.append) == 1
    assert told == []
    with pytest.raises(WrongUsage, match="no model 'n'"):
        looping.watch(opened(root), ("n",), Pace(passes=1))


def test_a_project_without_any_loop_is_not_watched(tmp_path: Path) -> None:
    root = project(tmp_path, "{}")
    with pytest.raises(WrongUsage, match="no model of this project has a loop"):
        looping.watch(opened(root), (), Pace(passes=1))
