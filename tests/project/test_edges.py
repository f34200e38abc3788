"""What happens at the edges: where a careless tool loses files, lies, or hangs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project.projects import opened, outcomes, ran, write
from trueup.config.mistakes import ConfigInvalid
from trueup.errors import TrueupError, WrongUsage
from trueup.pipeline.checkout_lock import RunUnderWay, checkout_lock
from trueup.pipeline.lock import read_lock
from trueup.pipeline.tracking.runs import Runs
from trueup.project.choosing import affected_stages
from trueup.project.running import status
from trueup.project.sharing import merge_lock_files, pull


def project(root: Path, stages: str, files: dict[str, str] | None = None) -> Path:
    lines = "\n".join(f"  {line}" for line in stages.strip().splitlines())
    text = f"format: 1\nproject: p\nenvironment: {{key: none}}\nstages:\n{lines}\n"
    return write(root, {"trueup.yaml": text, **(files or {})})


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True)


def committed(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "add", "--all")
    git(root, "commit", "-qm", "first")


def test_isolation_never_writes_to_inputs_outside_the_project(tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("precious\n")
    root = project(
        tmp_path / "a" / "b" / "p",
        f"one: {{cmd: 'cat {outside} > o', deps: [{outside}], outs: [o]}}\n"
        "two: {cmd: cat ../../../outside.csv > t, deps: [../../../outside.csv], outs: [t]}",
    )
    ran(root, isolated=True)
    assert outside.read_text() == "precious\n"
    assert (root / "o").read_text() == "precious\n"


def test_a_stage_that_says_well_when_told_to_end_is_not_believed(tmp_path: Path) -> None:
    command = "trap 'echo partial > o; exit 0' TERM; while :; do sleep 0.05; done"
    root = project(tmp_path, f's: {{cmd: "{command}", timeout: 1s, outs: [o]}}')
    assert outcomes(ran(root)) == {"s": "timed_out"}
    assert read_lock(root).stages == {}
    assert outcomes(ran(root)) == {"s": "timed_out"}


def test_a_command_dependency_is_asked_again_after_the_stage(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        "s: {cmd: 'cat snap > o; echo 2 > snap', deps: [{cmd: cat snap}], outs: [o]}",
        {"snap": "1\n"},
    )
    assert "changed while it ran" in ran(root).failures[0].error


def test_a_retry_begins_without_what_the_failure_left(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        "s: {cmd: 'echo x >> o; [ -e flag ] || { touch flag; exit 1; }', retries: 1, outs: [o]}",
    )
    assert outcomes(ran(root)) == {"s": "ran"}
    assert (root / "o").read_text() == "x\n"


def test_stages_of_like_names_do_not_share_a_place(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        't: {foreach: [a/b, a_b, "..", "-x"], do: '
        '{cmd: "mkdir -p out-${item}; echo ${item} > tmp; sleep 0.1; cat tmp > out-${item}/f",'
        ' outs: ["out-${item}"]}}',
    )
    assert set(outcomes(ran(root, isolated=True, jobs=4)).values()) == {"ran"}
    assert (root / "out-a/b/f").read_text() == "a/b\n"
    assert (root / "out-a_b/f").read_text() == "a_b\n"


def test_a_folder_with_a_gitkeep_is_still_kept(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        "s: {cmd: cat data/* > o, deps: [data, in.txt], outs: [o]}",
        {"data/.gitkeep": "", ".gitignore": "data/*\n!.gitkeep\no\n", "in.txt": "1\n"},
    )
    committed(root)
    (root / "data" / "big").write_text("x\n")
    ran(root)
    assert set(read_lock(root).stages["s"].sources) == {"data"}
    (root / "data" / "big").unlink()
    assert pull(opened(root), force=True).artifacts == 1
    assert (root / "data" / "big").read_text() == "x\n"


def test_set_changes_nothing_when_the_run_is_refused(tmp_path: Path) -> None:
    root = project(
        tmp_path, "s: {cmd: echo 1 > o, params: [n], outs: [o]}", {"params.yaml": "n: 1\n"}
    )
    with pytest.raises(WrongUsage, match="nosuch"):
        ran(root, "nosuch", sets=("n=2",))
    ran(root)
    with (
        checkout_lock(root / ".trueup", "other", wait=False, say=print),
        pytest.raises(RunUnderWay, match="another run"),
    ):
        ran(root, sets=("n=2",), wait=False)
    with pytest.raises(ConfigInvalid, match="has no parameter 'm'"):
        ran(root, sets=("m=2",))
    assert (root / "params.yaml").read_text() == "n: 1\n"


def test_ignored_files_in_an_output_folder_are_moved_aside_not_deleted(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        's: {cmd: "mkdir -p o; echo 1 > o/x", outs: [o]}',
        {".trueupignore": "*.keep\n"},
    )
    ran(root)
    (root / "o" / "b.keep").write_text("precious\n")
    ran(root, force=True)
    (kept,) = (root / ".trueup" / "aside").rglob("b.keep")
    assert kept.read_text() == "precious\n"


def test_fractions_of_a_cpu_add_up_again(tmp_path: Path) -> None:
    stages = "\n".join(
        f"s{i}: {{cmd: echo {i}, resources: {{cpu: {cpu}}}}}"
        for i, cpu in enumerate((0.1, 0.3, 0.7, 2))
    )
    assert set(outcomes(ran(project(tmp_path, stages), jobs=2)).values()) == {"ran"}


def test_an_interrupt_while_deciding_ends_with_130_and_no_traceback(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    root = project(
        tmp_path,
        's: {cmd: echo 1 > o, deps: [{cmd: "echo $$ > pid; sleep 300"}], outs: [o]}',
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "trueup", "run"], cwd=root, stderr=subprocess.PIPE, text=True
    )
    eventually(lambda: (root / "pid").exists() and (root / "pid").read_text().strip())
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in said
    pid = int((root / "pid").read_text())
    eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_an_interrupt_ends_stages_keeps_what_is_done_and_the_next_run_goes_on(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    root = project(
        tmp_path,
        "a: {cmd: echo 1 > a, outs: [a]}\n"
        'b: {cmd: "touch started; [ -e go ] || sleep 300; cp a b", deps: [a], outs: [b]}',
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "trueup", "run"],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually((root / "started").exists)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=60) == 130
    assert Runs(opened(root).bucket).list()[0].status == "interrupted"
    (root / "go").touch()
    assert outcomes(ran(root)) == {"a": "unchanged", "b": "ran"}


def test_a_command_that_cannot_start_fails_its_stage_alone(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        "a: {cmd: echo 1, wdir: nowhere}\nb: {cmd: echo 1 > b, outs: [b]}",
    )
    result = ran(root, keep_going=True)
    assert outcomes(result) == {"a": "failed", "b": "ran"}
    assert "nowhere" in result.failures[0].error


@pytest.mark.parametrize(
    "stage",
    [
        "s: {cmd: echo 1, wdir: w, outs: [.]}",
        "s: {cmd: echo 1, wdir: w/x, outs: [../../w]}",
        "s: {cmd: echo 1, params: [{o/p.yaml: [k]}], outs: [o]}",
        "s: {cmd: o/n.ipynb, outs: [o]}",
    ],
)
def test_an_output_may_not_hold_what_the_stage_runs_in_or_reads(tmp_path: Path, stage: str) -> None:
    root = project(tmp_path, stage, {"w/code.py": "print(1)\n", "o/p.yaml": "k: 1\n"})
    with pytest.raises(ConfigInvalid):
        status(opened(root))
    assert (root / "w" / "code.py").exists()


def test_a_missing_notebook_is_a_missing_dependency(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match=r"needs no\.ipynb"):
        status(opened(project(tmp_path, "s: {cmd: no.ipynb, outs: [o]}")))


def test_a_run_within_a_stage_of_the_same_checkout_is_refused_at_once(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        f'a: {{cmd: "echo 1 > x; {sys.executable} -m trueup run b -s", outs: [x]}}\n'
        "b: {cmd: echo b > y, outs: [y]}",
    )
    result = ran(root, "a")
    assert "another run has this checkout" in result.failures[0].tail


def test_keys_of_other_types_than_text_are_told_apart(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        "s: {cmd: echo 1 > o, params: [{params.yaml: null}], outs: [o]}",
        {"params.yaml": '1: a\n"1": b\nk: [1, 0]\n'},
    )
    ran(root)
    (root / "params.yaml").write_text('1: c\n"1": b\nk: [1, 0]\n')
    assert outcomes(ran(root)) == {"s": "ran"}
    (root / "params.yaml").write_text('1: c\n"1": b\nk: [true, 0.0]\n')
    assert outcomes(ran(root)) == {"s": "ran"}


def test_a_folder_of_its_own_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    root = project(tmp_path, "s: {cmd: echo 1 > o, outs: [o]}", {".trueup": "a file"})
    with pytest.raises(TrueupError, match=r"\.trueup"):
        ran(root)
    assert not (root / "o").exists()


def test_status_agrees_with_the_run_where_a_parameter_file_is_fetched(tmp_path: Path) -> None:
    root = project(
        tmp_path,
        "a: {cmd: \"mkdir -p f/s; echo 'k: 1' > gen.yaml; echo 1 > f/s/x\", outs: [gen.yaml, f]}\n"
        "b: {cmd: echo 1 > o, deps: [f/s], params: [{gen.yaml: [k]}], outs: [o]}",
    )
    ran(root)
    (root / "gen.yaml").unlink()
    (root / "f/s/x").unlink()
    planned = [step.action for step in status(opened(root))]
    assert planned == ["fetch", "keep"]
    assert outcomes(ran(root)) == {"a": "fetched", "b": "unchanged"}


def test_affected_sees_notebooks_moves_lock_files_and_data_outside_git(tmp_path: Path) -> None:
    notebook = '{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": []}'
    root = project(
        tmp_path / "sub",
        "n: {cmd: n.ipynb}\nd: {cmd: ls data > o, deps: [data], outs: [o]}\n"
        "r: {cmd: cat raw > ro, deps: [raw], outs: [ro]}",
        {
            "n.ipynb": notebook,
            "data/one": "1\n",
            "data/two": "2\n",
            "raw": "1\n",
            ".gitignore": "raw\no\nro\n.trueup\n",
        },
    )
    ran(root, "r")
    committed(tmp_path)

    def affected() -> set[str]:
        return affected_stages(opened(root), "HEAD")

    assert affected() == set()
    (root / "n.ipynb").write_text(notebook.replace("4,", "4 ,"))
    assert affected() == {"n"}
    git(root, "mv", "data/two", "elsewhere")
    assert affected() == {"n", "d"}
    (root / "raw").write_text("2\n")
    ran(root, "r")
    assert affected() == {"n", "d", "r"}
    (root / "uv.lock").write_text("version = 1\n")
    assert affected() == {"n", "d", "r"}


def test_a_merge_without_a_common_ancestor_is_a_merge(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        ran(project(tmp_path / name, f"{name}: {{cmd: echo 1 > o, outs: [o]}}"))
    (tmp_path / "base").touch()
    locks = [tmp_path / name / "trueup.lock" for name in ("ours", "theirs")]
    merged = merge_lock_files(tmp_path / "base", *locks)
    assert set(merged.stages) == {"ours", "theirs"}


def test_of_a_frozen_stage_only_what_is_missing_is_fetched(tmp_path: Path) -> None:
    stage = 's: {cmd: "echo 1 > a; echo 1 > b", outs: [a, b]}'
    root = project(tmp_path, stage)
    ran(root)
    project(tmp_path, stage.replace("outs:", "frozen: true, outs:"))
    (root / "a").unlink()
    (root / "b").write_text("mine\n")
    assert outcomes(ran(root)) == {"s": "fetched"}
    assert (root / "a").read_text() == "1\n"
    assert (root / "b").read_text() == "mine\n"
    assert outcomes(ran(root, force=True)) == {"s": "unchanged"}
    assert outcomes(ran(root, "s", force=True)) == {"s": "ran"}


def test_a_stage_that_declares_nothing_runs_every_time(tmp_path: Path) -> None:
    root = project(tmp_path, "hello: {cmd: echo hi}")
    assert outcomes(ran(root)) == outcomes(ran(root)) == {"hello": "ran"}


def test_a_token_in_a_url_is_not_recorded(tmp_path: Path) -> None:
    from trueup.config.records import Dependency

    name = Dependency(url="http://ada:canary@host/f?token=canary").name
    assert "canary" not in name
    assert name.startswith("url:http://host/f#")
    assert name != Dependency(url="http://ada:canary@host/f?token=other").name


def test_targets_are_seen_from_where_one_stands(tmp_path: Path) -> None:
    from trueup.project.options import RunOptions
    from trueup.project.running import run
    from trueup.project.workspace import Workspace

    root = project(tmp_path, "s: {cmd: echo 1 > sub/o, outs: [sub/o]}", {"sub/x": ""})
    there = Workspace(root, dict(os.environ), root / "sub")
    assert outcomes(run(there, RunOptions(targets=("./o",)))) == {"s": "ran"}
    assert outcomes(run(there, RunOptions(targets=("sub/o",)))) == {"s": "unchanged"}


def test_many_stages_at_once_leave_a_whole_lock(tmp_path: Path) -> None:
    stages = "\n".join(f"s{i}: {{cmd: echo {i} > o{i}, outs: [o{i}]}}" for i in range(60))
    root = project(tmp_path, stages)
    assert set(outcomes(ran(root, jobs=8)).values()) == {"ran"}
    assert len(read_lock(root).stages) == 60
