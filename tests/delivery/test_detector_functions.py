"""A project's own detectors: two polars frames in another process, and what they may say."""

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trueup.delivery.elsewhere.detectors import detector_functions
from trueup.delivery.elsewhere.talking import WorkerFailed

CODE = """
import os

import numpy as np
import polars as pl


def far(reference, window):
    assert isinstance(reference, pl.DataFrame)
    return abs(reference["x"].mean() - window["x"].mean())


def told(reference, window):
    return {"scores": {"x": np.float64(0.5), "rows": len(window)}, "drifted": np.bool_(True),
            "says": f"{reference['w'].null_count()} words and {window['x'].null_count()} numbers "
                    f"are missing; {os.environ.get('TOKEN', 'no token')}"}


def broken(reference, window):
    return window["not there"].mean()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "checks.py").write_text(CODE)
    return tmp_path


REFERENCE = pl.DataFrame({"x": [1.0, 2.0], "w": ["a", None], "t": [True, None]})
WINDOW = pl.DataFrame({"x": [4.0, None], "w": ["a", "b"], "t": [True, False]})


def called(root: Path, name: str, **secrets: str) -> Any:
    with detector_functions(root, {**os.environ, **secrets}, secrets) as found:
        return found(f"checks:{name}")(REFERENCE, WINDOW)


def test_a_function_is_given_two_frames_and_its_number_comes_back(root: Path) -> None:
    assert called(root, "far") == 2.5


def test_a_record_comes_back_whole_and_no_secret_reaches_the_function(root: Path) -> None:
    assert called(root, "told", TOKEN="hush") == {
        "scores": {"x": 0.5, "rows": 2},
        "drifted": 1.0,
        "says": "1 words and 1 numbers are missing; no token",
    }


def test_what_goes_wrong_in_it_is_said_with_the_place(root: Path) -> None:
    with pytest.raises(WorkerFailed, match=r"checks:broken failed: .*not there.* \(checks.py:"):
        called(root, "broken")


def test_a_function_that_is_not_there_is_named(root: Path) -> None:
    with pytest.raises(WorkerFailed, match="checks:gone failed"):
        called(root, "gone")


def test_without_any_function_no_process_is_started(root: Path) -> None:
    with detector_functions(root, {"PATH": "/nowhere"}) as found:
        assert callable(found)
