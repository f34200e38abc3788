"""A run does what changed, side by side, and loses nothing of what a person made."""

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project.projects import opened, outcomes, ran, write
from trueup.errors import WrongUsage
from trueup.pipeline.checkout_lock import RunUnderWay
from trueup.pipeline.lock import read_lock
from trueup.pipeline.observe import MissingDependencies
from trueup.pipeline.outcome import Quiet, RunResult
from trueup.pipeline.tracking.runs import Runs
from trueup.project.choosing import affected_stages
from trueup.project.options import RunOptions
from trueup.project.running import run, status
from trueup.project.sharing import pull

CHAIN = {
    "trueup.yaml": """
        format: 1
        project: chain
        stages:
          sort:
            cmd: sort raw.txt > sorted.txt
            deps: [raw.txt]
            outs: [sorted.txt]
          top:
            cmd: head -n $(tr -dc 0-9 < params.yaml) sorted.txt > top.txt
            deps: [sorted.txt]
            params: [n]
            outs: [top.txt]
    """,
    "params.yaml": "n: 1\n",
    "raw.txt": "b\na\n",
}


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    return write(tmp_path, CHAIN)


def reasons(result: RunResult, stage: str) -> list[str]:
    found = next(each for each in result.stages if each.stage == stage)
    return [reason.kind for reason in found.reasons]


def test_the_second_run_leaves_all_alone_and_no_record(chain: Path) -> None:
    first, second = ran(chain), ran(chain)
    assert outcomes(first) == {"sort": "ran", "top": "ran"}
    assert (chain / "top.txt").read_text() == "a\n"
    assert outcomes(second) == {"sort": "unchanged", "top": "unchanged"}
    assert second.run is None
    assert [line.id for line in Runs(opened(chain).bucket).list()] == [first.run]


def test_a_parameter_runs_only_what_depends_on_it(chain: Path) -> None:
    ran(chain)
    again = ran(chain, sets=("n=2",))
    assert outcomes(again) == {"sort": "unchanged", "top": "ran"}
    assert reasons(again, "top") == ["parameter_changed"]
    assert (chain / "top.txt").read_text() == "a\nb\n"


def test_going_back_to_old_inputs_fetches_old_outputs(chain: Path) -> None:
    ran(chain)
    ran(chain, sets=("n=2",))
    back = ran(chain, sets=("n=1",))
    assert outcomes(back)["top"] == "fetched"
    assert reasons(back, "top") == ["parameter_changed", "cached"]
    assert (chain / "top.txt").read_text() == "a\n"


def test_equal_content_stops_the_change_from_spreading(chain: Path) -> None:
    ran(chain)
    (chain / "raw.txt").write_text("a\nb\n")
    assert outcomes(ran(chain)) == {"sort": "ran", "top": "unchanged"}


def test_an_output_that_is_gone_comes_back_without_running(chain: Path) -> None:
    ran(chain)
    (chain / "sorted.txt").unlink()
    again = ran(chain)
    assert outcomes(again) == {"sort": "fetched", "top": "unchanged"}
    assert reasons(again, "sort") == ["output_missing"]


def test_an_output_edited_by_hand_is_moved_aside_and_restored(chain: Path) -> None:
    ran(chain)
    (chain / "sorted.txt").write_text("my notes\n")
    again = ran(chain)
    assert outcomes(again)["sort"] == "fetched"
    assert (chain / "sorted.txt").read_text() == "a\nb\n"
    (kept,) = (chain / ".trueup" / "aside").rglob("sorted.txt")
    assert kept.read_text() == "my notes\n"


def test_what_lies_at_an_output_before_the_first_run_is_not_lost(chain: Path) -> None:
    (chain / "sorted.txt").write_text("precious\n")
    ran(chain)
    (kept,) = (chain / ".trueup" / "aside").rglob("sorted.txt")
    assert kept.read_text() == "precious\n"


def test_editing_an_output_cannot_reach_the_store(chain: Path) -> None:
    ran(chain)
    with (chain / "sorted.txt").open("a") as file:
        file.write("x\n")
    ran(chain)
    assert (chain / "sorted.txt").read_text() == "a\nb\n"


def test_force_runs_all_targets_choose_and_single_leaves_out_what_they_need(chain: Path) -> None:
    ran(chain)
    assert outcomes(ran(chain, force=True)) == {"sort": "ran", "top": "ran"}
    assert outcomes(ran(chain, "sort")) == {"sort": "unchanged"}
    assert outcomes(ran(chain, "top.txt", single=True, force=True)) == {"top": "ran"}


def test_status_says_the_same_as_the_run_and_changes_nothing(chain: Path) -> None:
    before = sorted(chain.rglob("*"))
    steps = status(opened(chain))
    assert [(step.action, step.reasons[0].kind) for step in steps] == [
        ("run", "first_run"),
        ("run", "first_run"),
    ]
    assert sorted(chain.rglob("*")) == before


FAILING = {
    "trueup.yaml": """
        format: 1
        project: failing
        stages:
          bad: {cmd: echo so far; exit 3, outs: [bad.txt]}
          after: {cmd: cp bad.txt after.txt, deps: [bad.txt], outs: [after.txt]}
          beside: {cmd: echo 1 > beside.txt, outs: [beside.txt]}
    """
}


def test_a_failure_skips_what_follows_and_keep_going_does_the_rest(tmp_path: Path) -> None:
    root = write(tmp_path, FAILING)
    result = ran(root, jobs=1)
    assert outcomes(result) == {"bad": "failed", "after": "skipped", "beside": "skipped"}
    assert "exit code 3" in result.failures[0].error
    assert result.failures[0].tail == "so far\n"
    assert outcomes(ran(root, keep_going=True))["beside"] == "ran"
    assert Runs(opened(root).bucket).list()[0].status == "failed"


def test_an_output_that_no_stage_made_is_named_with_its_place(tmp_path: Path) -> None:
    root = write(
        tmp_path, {"trueup.yaml": "format: 1\nproject: p\nstages:\n  s: {cmd: 'true', outs: [o]}\n"}
    )
    result = ran(root)
    assert "did not make its output o" in result.failures[0].error
    assert "trueup.yaml:4" in result.failures[0].error


def test_a_stage_is_tried_again_as_often_as_it_allows(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "trueup.yaml": """
                format: 1
                project: p
                stages:
                  s:
                    cmd: echo x >> tries; [ $(wc -l < tries) -ge 3 ] && cp tries o
                    outs: [o]
                    retries: 2
            """
        },
    )
    (result,) = ran(root).stages
    assert (result.outcome, result.attempts) == ("ran", 3)


def test_a_stage_out_of_time_is_ended(tmp_path: Path) -> None:
    text = "format: 1\nproject: p\nstages:\n  s: {cmd: sleep 100, timeout: 1s}\n"
    (result,) = ran(write(tmp_path, {"trueup.yaml": text})).stages
    assert result.outcome == "timed_out"
    assert result.seconds < 60


def test_a_dependency_that_changes_while_the_stage_runs_is_an_error(tmp_path: Path) -> None:
    text = """
        format: 1
        project: p
        stages:
          s: {cmd: cat a > o; echo more >> a, deps: [a], outs: [o]}
    """
    result = ran(write(tmp_path, {"trueup.yaml": text, "a": "1\n"}))
    assert "changed while it ran" in result.failures[0].error
    assert read_lock(tmp_path).stages == {}


def test_independent_stages_run_at_the_same_time(tmp_path: Path) -> None:
    text = """
        format: 1
        project: p
        stages:
          a: {cmd: "timeout 30 sh -c 'touch a; until [ -e b ]; do :; done'", outs: [a]}
          b: {cmd: "timeout 30 sh -c 'touch b; until [ -e a ]; do :; done'", outs: [b]}
    """
    assert outcomes(ran(write(tmp_path, {"trueup.yaml": text}), jobs=2)) == {"a": "ran", "b": "ran"}


def test_one_job_runs_one_stage_at_a_time(tmp_path: Path) -> None:
    stages = "\n".join(
        f"  s{i}: {{cmd: mkdir busy && echo {i} > o{i} && rmdir busy, outs: [o{i}]}}"
        for i in range(5)
    )
    root = write(tmp_path, {"trueup.yaml": f"format: 1\nproject: p\nstages:\n{stages}\n"})
    assert set(outcomes(ran(root, jobs=1)).values()) == {"ran"}


def test_gpus_are_given_out_and_recorded(tmp_path: Path) -> None:
    text = """
        format: 1
        project: p
        stages:
          a: {cmd: echo $CUDA_VISIBLE_DEVICES > a, outs: [a], resources: {gpu: 1}}
          b: {cmd: echo $CUDA_VISIBLE_DEVICES > b, outs: [b], resources: {gpu: 2}}
    """
    root = write(tmp_path, {"trueup.yaml": text})
    result = ran(root, jobs=2, env={"CUDA_VISIBLE_DEVICES": "4,7"})
    assert {stage.stage: len(stage.gpus) for stage in result.stages} == {"a": 1, "b": 2}
    assert sorted((root / "b").read_text().strip().split(",")) == ["4", "7"]
    with pytest.raises(WrongUsage, match="asks for 2 GPU"):
        ran(root, "b", force=True, env={"CUDA_VISIBLE_DEVICES": "4"})


def test_missing_dependencies_are_all_named_before_anything_runs(tmp_path: Path) -> None:
    text = """
        format: 1
        project: p
        stages:
          a: {cmd: touch ran; cat x > a, deps: [x], outs: [a]}
          b: {cmd: cat y > b, deps: [y, a], outs: [b]}
    """
    root = write(tmp_path, {"trueup.yaml": text})
    with pytest.raises(MissingDependencies) as caught:
        ran(root)
    assert "needs x" in str(caught.value)
    assert "needs y" in str(caught.value)
    assert [path.name for path in root.iterdir()] == ["trueup.yaml"]


def test_a_second_run_in_the_checkout_refuses_or_waits(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    text = """
        format: 1
        project: p
        stages:
          s: {cmd: "touch started; until [ -e go ]; do sleep 0.01; done; echo 1 > o", outs: [o]}
    """
    root = write(tmp_path, {"trueup.yaml": text})
    results: dict[str, RunResult] = {}
    first = threading.Thread(target=lambda: results.update(first=ran(root)))
    first.start()
    eventually((root / "started").exists)
    with pytest.raises(RunUnderWay, match="another run has this checkout: run 2"):
        ran(root, wait=False)
    said: list[str] = []

    class Listening(Quiet):
        def note(self, text: str) -> None:
            said.append(text)

    second = threading.Thread(
        target=lambda: results.update(second=run(opened(root), RunOptions(), Listening()))
    )
    second.start()
    eventually(lambda: said)
    (root / "go").touch()
    first.join()
    second.join()
    assert outcomes(results["first"]) == {"s": "ran"}
    assert outcomes(results["second"]) == {"s": "unchanged"}


def test_inputs_outside_git_are_kept_and_a_clone_pulls_them(tmp_path: Path) -> None:
    team = tmp_path / "store"
    origin = write(tmp_path / "origin", CHAIN)
    with (origin / "trueup.yaml").open("a") as file:
        file.write(f"store: {team}\n")
    git(origin, "init", "-q")
    write(origin, {".gitignore": "raw.txt\nsorted.txt\ntop.txt\n"})
    ran(origin)
    git(origin, "add", "--all")
    git(origin, "commit", "-qm", "first")
    git(tmp_path, "clone", "-q", str(origin), "clone")
    clone = tmp_path / "clone"
    assert not (clone / "raw.txt").exists()
    moved = pull(opened(clone))
    assert moved.artifacts == 3
    assert (clone / "raw.txt").read_text() == "b\na\n"
    assert outcomes(ran(clone)) == {"sort": "unchanged", "top": "unchanged"}


def test_affected_chooses_what_changed_since_a_revision_and_what_follows(chain: Path) -> None:
    git(chain, "init", "-q")
    git(chain, "add", "--all")
    git(chain, "commit", "-qm", "first")
    assert affected_stages(opened(chain), "HEAD") == set()
    (chain / "params.yaml").write_text("n: 2\n")
    assert affected_stages(opened(chain), "HEAD") == {"top"}
    (chain / "raw.txt").write_text("c\n")
    assert affected_stages(opened(chain), "HEAD") == {"sort", "top"}
    with pytest.raises(WrongUsage, match="no revision 'nowhere'"):
        affected_stages(opened(chain), "nowhere")


def test_isolated_shows_what_is_not_declared(tmp_path: Path) -> None:
    text = """
        format: 1
        project: p
        stages:
          s: {cmd: cat a b > o, deps: [a], outs: [o]}
    """
    root = write(tmp_path, {"trueup.yaml": text, "a": "1\n", "b": "2\n"})
    assert outcomes(ran(root, isolated=True)) == {"s": "failed"}
    assert outcomes(ran(root)) == {"s": "ran"}
    write(root, {"trueup.yaml": text.replace("deps: [a]", "deps: [a, b]")})
    assert outcomes(ran(root, isolated=True)) == {"s": "ran"}
    assert (root / "o").read_text() == "1\n2\n"


def test_a_secret_reaches_its_stage_alone_and_no_record(tmp_path: Path) -> None:
    text = """
        format: 1
        project: p
        stages:
          a:
            cmd: test -n "$TOKEN" && echo token $TOKEN && echo ok > a
            outs: [a]
            secrets: [TOKEN]
          b: {cmd: 'test -z "$TOKEN" && echo ok > b', outs: [b]}
    """
    root = write(tmp_path, {"trueup.yaml": text})
    result = ran(root, env={"TOKEN": "canary-7731"})
    assert outcomes(result) == {"a": "ran", "b": "ran"}
    for path in root.rglob("*"):
        if path.is_file():
            assert b"canary-7731" not in path.read_bytes(), path
    missing = ran(root, "a", force=True)
    assert "needs the secret TOKEN" in missing.failures[0].error


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True)
