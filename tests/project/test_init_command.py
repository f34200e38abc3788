"""The command init, from a shell and on a terminal: a run that works, or what is missing."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

STRICT = os.environ.get("TRUEUP_CI_STRICT") == "1"
SCRIPTS = {
    "prepare.py": """
        from pathlib import Path
        DATA = Path("data")
        def main():
            rows = (DATA / "raw.csv").read_text()
            for split in ("train", "test"):
                with open(DATA / f"{split}.csv", "w") as file:
                    file.write(rows + split)
        if __name__ == "__main__":
            main()
        """,
    "train.py": """
        import json
        import steps
        depth = json.load(open("params.json"))["train"]["depth"]
        steps.save("model.bin", open("data/train.csv").read() * depth)
        """,
    "steps.py": """
        def save(path, text):
            with open(path, "w") as file:
                file.write(text)
        """,
    "evaluate.py": """
        import json
        size = len(open("model.bin").read()) + len(open("data/test.csv").read())
        json.dump({"size": size}, open("metrics.json", "w"))
        """,
    "params.json": '{"train": {"depth": 3}}',
    "data/raw.csv": "a,b\n",
}


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "TERM": "dumb"}


def trueup(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trueup", *words],
        cwd=root,
        env={**environment(), "PWD": str(root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def a_project(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip())
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def outcomes(root: Path) -> dict[str, str]:
    done = trueup(root, "run", "--json")
    assert done.returncode == 0, done.stderr
    return {stage["name"]: stage["outcome"] for stage in json.loads(done.stdout)["stages"]}


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(root).parts
    }


def test_plain_scripts_become_a_pipeline_whose_second_run_changes_nothing(tmp_path: Path) -> None:
    root = a_project(tmp_path, SCRIPTS)
    (root / ".gitignore").write_text("data/\n*.log")
    done = trueup(root, "init")
    assert done.returncode == 0, done.stderr
    assert "no terminal to ask on: the defaults are taken" in done.stderr
    assert "it works: " in done.stdout
    assert "wrote trueup.yaml, .gitignore, .gitattributes" in done.stdout
    assert set(outcomes(root).values()) == {"unchanged"}
    assert list(outcomes(root)) == ["prepare", "train", "evaluate"]
    assert (root / ".gitignore").read_text() == "data/\n*.log\n.trueup/\n/model.bin\n"
    assert (root / ".gitattributes").read_text() == "trueup.lock merge=trueup\n"


def test_the_proposed_stages_run_again_for_what_they_read_and_nothing_else(tmp_path: Path) -> None:
    root = a_project(tmp_path, SCRIPTS)
    assert trueup(root, "init", "--yes").returncode == 0
    (root / "params.json").write_text('{"train": {"depth": 4}}')
    assert outcomes(root) == {"prepare": "unchanged", "train": "ran", "evaluate": "ran"}
    (root / "steps.py").write_text((root / "steps.py").read_text() + "# more\n")
    assert outcomes(root)["train"] == "ran"


def test_a_dvc_project_runs_as_it_is_and_gets_no_file(tmp_path: Path) -> None:
    dvc = "stages: {a: {cmd: echo 1 > a.txt, outs: [a.txt]}}\n"
    root = a_project(tmp_path, {"dvc.yaml": dvc, "train.py": "open('m', 'w')"})
    done = trueup(root, "init")
    assert (done.returncode, "it works: " in done.stdout) == (0, True)
    assert not (root / "trueup.yaml").exists()
    assert outcomes(root) == {"a": "unchanged"}


def test_a_dvc_project_gets_a_file_for_its_name_and_store(tmp_path: Path) -> None:
    dvc = "stages: {a: {cmd: echo 1 > a.txt, outs: [a.txt]}}\n"
    root = a_project(tmp_path / "here", {"dvc.yaml": dvc})
    done = trueup(root, "init", "--name", "mine", "--store", "../bucket", "--json")
    assert json.loads(done.stdout)["outcomes"] == {"a": "ran"}
    assert (root / "dvc.yaml").read_text() == dvc
    assert "stages:" not in (root / "trueup.yaml").read_text()
    assert (tmp_path / "bucket" / "runs").is_dir()


def test_an_mlproject_runs_with_its_parameters_which_can_then_be_changed(tmp_path: Path) -> None:
    root = a_project(
        tmp_path,
        {
            "MLproject": """
                name: wine
                entry_points:
                  main:
                    parameters: {alpha: {type: float, default: 0.5}}
                    command: "python train.py {alpha}"
                """,
            "train.py": "import sys\nopen('model.txt', 'w').write(sys.argv[1])\n",
        },
    )
    assert trueup(root, "init").returncode == 0
    assert (root / "model.txt").read_text() == "0.5"
    assert trueup(root, "run", "--set", "main.alpha=0.9").returncode == 0
    assert (root / "model.txt").read_text() == "0.9"
    assert "project: wine\n" in (root / "trueup.yaml").read_text()


@pytest.mark.skipif(
    not STRICT and (find_spec("nbclient") is None or find_spec("ipykernel") is None),
    reason="nbclient and ipykernel are not installed; install them with: scripts/env.sh dev",
)
def test_a_notebook_becomes_a_stage_that_viewing_does_not_run_again(tmp_path: Path) -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}
        for source in ("raw = open('../raw.csv').read()", "open('clean.csv', 'w').write(raw)")
    ]
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
    body = json.dumps(notebook)
    root = a_project(tmp_path, {"notes/clean.ipynb": body, "raw.csv": "1\n"})
    done = trueup(root, "init")
    assert done.returncode == 0, done.stderr
    assert (root / "notes" / "clean.csv").read_text() == "1\n"
    cells[0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "seen"}]
    (root / "notes" / "clean.ipynb").write_text(json.dumps(notebook))
    assert outcomes(root) == {"clean": "unchanged"}


def test_what_is_missing_for_a_run_is_one_sentence(tmp_path: Path) -> None:
    root = a_project(tmp_path, {"train.py": "open('m', 'w').write(open('raw.csv').read())"})
    done = trueup(root, "init")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == (
        "it does not run yet: raw.csv, which train reads, is not there and no stage makes it"
    )
    (root / "raw.csv").write_text("1")
    assert outcomes(root) == {"train": "ran"}


def test_a_script_that_fails_is_said_with_its_last_words(tmp_path: Path) -> None:
    root = a_project(tmp_path, {"train.py": "open('m', 'w')\nimport no_such_module\n"})
    done = trueup(root, "init")
    assert done.returncode == 6
    assert done.stdout.splitlines()[-1] == (
        "it does not run yet: stage 'train' failed with exit code 1: "
        "ModuleNotFoundError: No module named 'no_such_module'; "
        "is the project's environment active, and all that it needs installed?"
    )


def test_an_empty_folder_gets_a_file_with_an_example_and_is_told(tmp_path: Path) -> None:
    done = trueup(tmp_path, "init")
    assert done.returncode == 0
    assert "declare the stages in trueup.yaml" in done.stdout
    assert "# stages:" in (tmp_path / "trueup.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--store", "s4://b"), "unknown scheme"),
        (("nowhere",), "is no folder"),
        (("--example", "flight", "new"), "Did you mean 'flights'?"),
        (("--example", "flights", "."), "is not empty"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    root = a_project(tmp_path, SCRIPTS)
    before = contents(root)
    done = trueup(root, "init", *words)
    assert (done.returncode, says in done.stderr) == (2, True)
    assert contents(root) == before


def test_a_project_that_has_begun_is_left_alone(tmp_path: Path) -> None:
    root = a_project(tmp_path, {**SCRIPTS, "trueup.yaml": "stages: {}\n"})
    before = contents(root)
    done = trueup(root, "init")
    assert (done.returncode, "there is a trueup.yaml already" in done.stderr) == (2, True)
    assert contents(root) == before


def test_the_example_is_copied_and_what_to_type_next_is_said(tmp_path: Path) -> None:
    done = trueup(tmp_path, "init", "--example", "flights")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == [
        f"  cd {tmp_path / 'flights'}",
        "  python -m pip install -r requirements.txt",
        "  trueup run",
    ]
    assert trueup(tmp_path / "flights", "dag").returncode == 0


INTERRUPT = "an answer that is Ctrl-C"


def on_a_terminal(root: Path, answers: list[str], *words: str) -> tuple[int, str]:
    """Run init on a pseudo-terminal, answering each question in turn; return code and text."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "trueup", "init", *words],
        cwd=root,
        env={**environment(), "PWD": str(root)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_hears_interrupts,
    )
    os.close(theirs)
    said, answered, end = "", 0, time.monotonic() + 60
    try:
        while time.monotonic() < end and select.select([ours], [], [], 60)[0]:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            said += chunk.decode()
            if answered < len(answers) and re.search(r"\]: ?$", said):
                if answers[answered] == INTERRUPT:
                    _interrupt(running)
                else:
                    os.write(ours, f"{answers[answered]}\n".encode())
                answered += 1
                said += "\n"
        return running.wait(timeout=60), said
    finally:
        running.kill()
        running.wait()
        os.close(ours)


def _hears_interrupts() -> None:
    """Undo what a shell does to what it starts in the background, this suite perhaps among it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(running: "subprocess.Popen[bytes]") -> None:
    """Press Ctrl-C until it is heard: between the prompt and the read it only waits its turn."""
    for _ in range(100):
        running.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            running.wait(timeout=0.3)
            return


def test_a_terminal_is_asked_three_questions_at_most(tmp_path: Path) -> None:
    root = a_project(tmp_path / "demo", SCRIPTS)
    code, said = on_a_terminal(root, ["mine", "", "y"])
    assert code == 0, said
    assert said.count("]: ") == 3
    text = (root / "trueup.yaml").read_text()
    assert "project: mine\n" in text
    assert "store: .trueup/store" in text
    assert set(outcomes(root).values()) == {"unchanged"}


def test_a_wrong_bucket_is_asked_again_and_nothing_runs_without_consent(tmp_path: Path) -> None:
    root = a_project(tmp_path / "demo", SCRIPTS)
    code, said = on_a_terminal(root, ["", "s4://b", "../bucket", "n"])
    assert code == 0, said
    assert "unknown scheme" in said
    assert "store: ../bucket" in (root / "trueup.yaml").read_text()
    assert "project: demo\n" in (root / "trueup.yaml").read_text()
    assert not (root / "model.bin").exists()


def test_answers_given_as_options_are_not_asked(tmp_path: Path) -> None:
    root = a_project(tmp_path / "demo", SCRIPTS)
    code, said = on_a_terminal(root, ["n"], "--name", "a", "--store", "../b")
    assert (code, said.count("]: ")) == (0, 1)


def test_an_interrupted_question_leaves_everything_as_it_was(tmp_path: Path) -> None:
    root = a_project(tmp_path / "demo", SCRIPTS)
    before = contents(root)
    code, _ = on_a_terminal(root, [INTERRUPT])
    assert code == 130
    assert contents(root) == before
