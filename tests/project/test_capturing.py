"""The verb captures and the small client, as a person and an endpoint use them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.project.projects import write
from trueup.cli.group import trueup as command_line

pytest.importorskip("numpy")
pl: Any = pytest.importorskip("polars", minversion="1.31")

PROJECT = {
    "trueup.yaml": """
        format: 1
        project: flights
        keep: {captures: 30d}
        models:
          late: {path: model.onnx, serve: {capture: {redact: [tailnum]}}}
        """,
    "served.csv": """
        flight,when,carrier,delay,tailnum,p,late
        1,2026-11-01T08:00:00,UA,5,N1,0.25,0
        2,2026-11-02T08:00:00Z,DL,7.5,N2,0.75,1
        3,2026-11-02T09:00:00+01:00,AA,,N3,0.5,
        """,
    "truth.csv": """
        flight,late
        3,1
        1,1
        """,
}
IMPORT = "import late served.csv --id flight --at when --label late --output p"

# An endpoint of one's own: it asks its model, captures, and later learns the truth.
ENDPOINT = """
import sys
import numpy as np
import trueup

(one,) = trueup.capture("late", {"delay": 5.0, "carrier": "UA", "tailnum": "N1"}, {"p": 0.25})
many = trueup.capture("late", {"delay": np.arange(3.0)}, {"p": [0.1, 0.2, 0.3]}, ids=[*"abc"])
assert many == ["a", "b", "c"]
trueup.label("late", one, 1)
trueup.label("late", ["a", "b"], [0, 1])
trueup.label("late", "a", 1)
heavy = {"polars", "pyarrow", "scipy", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path / "project", PROJECT)


def call(project: Path, line: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "trueup", "captures", *line.split()]
    env = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(words, cwd=project, env=env, capture_output=True, text=True)


def answer(project: Path, line: str) -> Any:
    done = call(project, f"{line} --json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_table_made_elsewhere_is_captured_once_and_shown(project: Path) -> None:
    first, again = (answer(project, IMPORT) for _ in range(2))
    assert (first["captures"], first["labels"]) == (3, 2)
    assert (first["segments"] > 0, again["segments"]) == (True, 0)
    found = answer(project, "late")
    assert found["model"] == "flights/late"
    assert [row["id"] for row in found["rows"]] == ["1", "2", "3"]
    assert [row["label"] for row in found["rows"]] == [0, 1, None]
    assert [row["words"] for row in found["rows"]] == [1, 1, None]
    assert "input.tailnum" not in found["rows"][0]
    since = answer(project, "late --since 2026-11-02 --until 2026-11-03 -n 1")
    assert [row["id"] for row in since["rows"]] == ["3"]
    assert "AA" in call(project, "late").stdout


def test_labels_that_come_later_correct_the_earlier_ones(project: Path) -> None:
    answer(project, IMPORT)
    done = answer(project, "import late truth.csv --id flight --label late --only-labels")
    assert (done["captures"], done["labels"]) == (0, 2)
    assert [row["label"] for row in answer(project, "late")["rows"]] == [1, 1, 1]


def test_labels_of_a_table_were_known_when_it_says_so(project: Path) -> None:
    known = "flight,late,known\n1,0,2026-11-01T12:00:00Z\n2,1,2026-11-03T09:30:00+01:00\n3,,\n"
    (project / "known.csv").write_text(known)
    answer(project, IMPORT.replace("--label late", ""))
    line = "import late known.csv --id flight --label late --label-at known --only-labels"
    assert answer(project, line)["labels"] == 2
    assert [row["label"] for row in answer(project, "late")["rows"]] == [0, 1, None]
    code = "import trueup; print(trueup.captured('late').sort('id').collect()['labelled_at'][1])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "2026-11-03 08:30:00+00:00"


def test_joined_rows_are_exported_and_written_anew_when_erased(project: Path) -> None:
    answer(project, IMPORT)
    out = project / "train.parquet"
    assert answer(project, "export late --out train.parquet --target late")["rows"] == 2
    assert pl.read_parquet(out).columns == ["id", "at", "carrier", "delay", "late"]
    then = "export late --out train.parquet --unlabelled --as-of"
    assert answer(project, f"{then} 2026-11-02")["rows"] == 1
    assert answer(project, "export late --out train.parquet --target late")["rows"] == 2
    done = answer(project, "erase late --where carrier=UA --why asked")
    assert (done["captures"], done["labels"], done["exports"]) == (1, 1, [str(out)])
    assert pl.read_parquet(out)["id"].to_list() == ["2"]
    (project / "ids.txt").write_text("2\n\n3\n")
    assert answer(project, "erase late --ids ids.txt")["captures"] == 2
    assert answer(project, "late")["rows"] == []
    assert answer(project, IMPORT)["segments"] == 0  # erased stays erased


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("erase late", "--id"),
        ("erase late --id 1 --where a=b", "in one way"),
        ("erase late --where carrier", "COLUMN=VALUE"),
        ("erase late --where carier=UA", "Did you mean 'carrier'?"),
        ("erase late --where tailnum=N1", "no capture"),
        ("late --since yesterday", "is no moment"),
        ("export late --out x.xls", ".parquet"),
        ("import late absent.csv", "no file"),
        ("import late served.csv --id fligt", "Did you mean 'flight'?"),
        ("import late served.csv --only-labels", "need ids"),
        ("import late served.csv --at carrier", "is a time"),
        ("import late served.csv --label-at when", "Name its column with --label"),
    ],
)
def test_what_cannot_be_meant_is_told(project: Path, line: str, says: str) -> None:
    answer(project, IMPORT)
    done = call(project, line)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_an_endpoint_that_stays_as_it_is_captures_and_labels(project: Path) -> None:
    done = subprocess.run([sys.executable, "-c", ENDPOINT], cwd=project, capture_output=True)
    assert done.returncode == 0, done.stderr
    rows = answer(project, "late")["rows"]
    assert len(rows) == 4
    assert {row["id"]: row["label"] for row in rows if len(row["id"]) == 1} == {
        "a": 1,
        "b": 1,
        "c": None,
    }
    assert "input.tailnum" not in rows[0]
    assert {row["role"] for row in rows} == {"elsewhere"}


def test_the_client_refuses_columns_that_contradict_each_other(project: Path) -> None:
    program = "import trueup; trueup.capture('late', {'a': [1, 2]}, {'p': [1]})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True
    )
    assert "columns of 1, 2 rows" in done.stderr


def test_a_frame_is_had_from_python(project: Path) -> None:
    import trueup

    answer(project, IMPORT)
    found = trueup.captured("late", folder=project).filter(pl.col("label") == 1).collect()
    assert found["id"].to_list() == ["2"]


def test_captures_go_with_gc_when_they_are_older_than_they_are_kept(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = (project / "served.csv").read_text().replace("2026-", "2020-")
    (project / "served.csv").write_text(old)
    answer(project, IMPORT)

    def collected(*words: str) -> Any:
        command_line.main(["-C", str(project), "gc", *words, "--json"], standalone_mode=False)
        return json.loads(capsys.readouterr().out)["captures"]["late"]

    would = collected("--dry-run")
    assert would["captures"] == 2
    assert len(answer(project, "late")["rows"]) > 0
    assert collected() == would
    assert answer(project, "late")["rows"] == []
    assert collected()["captures"] == 0
