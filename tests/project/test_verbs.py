"""What a command can do, the library can do."""

import subprocess
from pathlib import Path

import pytest

import trueup
from tests.project.projects import write
from trueup.errors import StageFailed, WrongUsage

PROJECT = {
    "trueup.yaml": """
        format: 1
        project: p
        stages:
          make:
            cmd: cat in.txt > out.txt; cat params.yaml > m.yaml
            deps: [in.txt]
            params: [n]
            outs: [out.txt]
            metrics: [m.yaml]
    """,
    "in.txt": "1\n",
    "params.yaml": "n: 1  # how many\n",
    ".gitignore": ".trueup/\nout.txt\nm.yaml\nin.txt\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = write(tmp_path, PROJECT)
    for words in (["init", "-q"], ["add", "--all"], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    return root


def test_run_status_and_compare_are_functions(project: Path) -> None:
    first = trueup.run(folder=project)
    assert [step.action for step in trueup.status(folder=project)] == ["keep"]
    second = trueup.run(params={"n": 2}, folder=project)
    assert (project / "params.yaml").read_text() == "n: 2  # how many\n"
    assert first.run is not None
    assert second.run is not None
    rows = trueup.compare(first.run, second.run, folder=project)
    assert ("m.yaml", "n", (1, 2)) in [(row.file, row.name, row.values) for row in rows]


def test_a_failed_stage_is_an_exception_with_its_last_words(tmp_path: Path) -> None:
    text = "format: 1\nproject: p\nstages:\n  s: {cmd: echo no way; exit 2}\n"
    write(tmp_path, {"trueup.yaml": text})
    with pytest.raises(StageFailed, match="no way"):
        trueup.run(folder=tmp_path)


def test_a_run_is_reproduced_from_its_commit_its_parameters_and_kept_inputs(project: Path) -> None:
    first = trueup.run(params={"n": 5}, folder=project)
    assert first.run is not None
    (project / "params.yaml").write_text("n: 7\n")
    (project / "in.txt").write_text("something else\n")
    found = trueup.reproduce(first.run, folder=project)
    assert (found.proof, found.outputs) == ("digests", 2)
    assert (project / "params.yaml").read_text() == "n: 7\n"
    assert not (project / ".trueup" / "reproduce" / first.run).exists()


def test_what_is_random_is_proved_by_values_or_not_at_all(tmp_path: Path) -> None:
    text = """
        format: 1
        project: p
        stages:
          s:
            cmd: 'echo "{\\"auc\\": 0.5, \\"pid\\": $(({0}))}" > m.json'
            metrics: [m.json]
    """
    for expression, expected in (("$$", "nothing"), ("1", "digests")):
        root = write(tmp_path / expected, {"trueup.yaml": text.replace("{0}", expression)})
        for words in (["init", "-q"], ["add", "--all"], ["commit", "-qm", "first"]):
            subprocess.run(["git", "-C", str(root), *words], check=True)
        made = trueup.run(folder=root)
        assert made.run is not None
        assert trueup.reproduce(made.run, folder=root).proof == expected


def test_what_has_no_lineage_cannot_be_reproduced(tmp_path: Path) -> None:
    text = "format: 1\nproject: p\nstages:\n  s: {cmd: echo 1 > o, outs: [o]}\n"
    write(tmp_path, {"trueup.yaml": text})
    made = trueup.run(folder=tmp_path)
    assert made.run is not None
    with pytest.raises(WrongUsage, match="outside Git"):
        trueup.reproduce(made.run, folder=tmp_path)
