"""A version that loads and then fails, or answers otherwise, never takes the live one's place.

Lost is the swap. The live version answers every request, metrics and metadata say why, and the
next good promotion is taken. A version that begins to fail later fails those requests alone.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from tests.serving.faults.breaking import MOOD, breaking_project
from tests.serving.faults.load import Load
from tests.serving.servers import RECORD, Server, said

Eventually = Callable[..., None]


def slow(how: str) -> ParameterSet:
    """Leave a mood to the slow tests: a server is started for each."""
    return pytest.param(how, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("breaking")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MOOD, str(folder / "mood"))
        return breaking_project(folder / "project", folder / "mood")


@pytest.fixture
def mood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "mood"
    path.write_text("")
    monkeypatch.setenv(MOOD, str(path))
    return path


@pytest.fixture
def following(made: Path, mood: Path, tmp_path: Path) -> Iterator[Server]:
    root = Path(shutil.copytree(made, tmp_path / "project"))
    server = Server(root, "sale@live")
    yield server
    assert server.stop() == 0


@pytest.mark.parametrize(
    "how", ["fails", *(slow(one) for one in ("wrong", "text", "short", "more", "ends"))]
)
def test_a_version_that_loads_but_does_not_answer_as_it_should_is_refused(
    following: Server, mood: Path, tmp_path: Path, eventually: Eventually, how: str
) -> None:
    root = tmp_path / "project"
    mood.write_text(how)
    with Load(following, threads=2) as load:
        eventually(lambda: load.answered)
        said(root, "alias", "sale/2", "live")
        eventually(lambda: following.metric('trueup_model_behind{model="sale"}') == 1)
        trouble = following.client.get("/v2/models/sale").json()["parameters"]["trouble"]
        assert trouble.startswith("version 2 is not served: ")
        assert following.metric('trueup_swaps_total{model="sale",result="refused"}') == 1
        said(root, "alias", "sale/3", "live")
        eventually(lambda: load.answered[-1].version == 3)
    assert not load.failed
    assert {one.version for one in load.answered} == {1, 3}
    assert following.metric('trueup_model_behind{model="sale"}') == 0
    assert following.client.get("/v2/models/sale").json()["parameters"]["trouble"] == ""


def test_a_version_that_fails_on_some_rows_fails_those_requests_alone_and_says_little(
    following: Server, eventually: Eventually
) -> None:
    with Load(following, threads=2) as load:
        eventually(lambda: load.answered)
        for _ in range(20):
            answer = following.client.post("/predict", json=[{**RECORD, "near": 1e7}])
            assert answer.status_code == 422
            assert "Traceback" not in answer.text
    assert not load.failed


def test_a_version_that_begins_to_fail_after_its_swap_is_replaced_by_the_next_good_one(
    following: Server, mood: Path, tmp_path: Path, eventually: Eventually
) -> None:
    """Lost: what it fails, answered with 422; it cannot be told from rows that it does not take."""
    root = tmp_path / "project"
    said(root, "alias", "sale/2", "live")
    eventually(lambda: following.predict(RECORD)["version"] == 2)
    mood.write_text("fails")
    assert following.client.post("/predict", json=[RECORD]).status_code == 422
    assert following.client.get("/v2/health/live").status_code == 200
    said(root, "alias", "sale/3", "live")
    eventually(lambda: following.client.post("/predict", json=[RECORD]).status_code == 200)
    assert following.predict(RECORD)["version"] == 3


@pytest.mark.parametrize("how", [slow("ends"), "short", slow("more")])
def test_a_version_that_goes_mad_after_its_swap_does_not_end_the_process(
    following: Server, mood: Path, tmp_path: Path, eventually: Eventually, how: str
) -> None:
    """Lost: the requests that it cannot answer; a row too few is no answer to any row."""
    said(tmp_path / "project", "alias", "sale/2", "live")
    eventually(lambda: following.predict(RECORD)["version"] == 2)
    mood.write_text(how)
    for count in (1, 3):
        answer = following.client.post("/predict", json=[RECORD] * count)
        assert 400 <= answer.status_code < 600, answer.text
    mood.write_text("")
    assert following.predict(RECORD)["version"] == 2
    assert "Traceback" not in answer.text
