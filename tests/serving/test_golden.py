"""What is about to answer for a version answers its golden requests first, or does not get to."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.serving.servers import RECORD, Server, fitted, project, said, version
from trueup.errors import NotProven
from trueup.models.conversions import Conversion, Cost, Timings, converted_of, keep_conversion
from trueup.models.golden import answers_by_column, mismatch
from trueup.project.loading import form_of, golden_requests
from trueup.project.registering import resolve
from trueup.project.workspace import Workspace, open_workspace
from trueup.registry.records import Registered
from trueup.serving.golden import verify_golden

Eventually = Callable[..., None]
NAME = "shop/sale"


@pytest.fixture
def workspace(own_shop: Path) -> Iterator[Workspace]:
    """The project with two versions, opened."""
    one = open_workspace(own_shop, {})
    yield one
    one.close()


def registered(workspace: Workspace, number: int) -> Registered:
    return resolve(workspace, f"sale/{number}").version


def conversion_of(workspace: Workspace, found: Registered) -> Conversion:
    record = converted_of(workspace.bucket, found.model.digest)
    assert record is not None
    return record


def spoil(root: Path, number: int) -> None:
    """Change the leaves of a version's converted form, and the digest in its record with them."""
    onnx, helper = import_module("onnx"), import_module("onnx.numpy_helper")
    workspace = open_workspace(root, {})
    record = conversion_of(workspace, registered(workspace, number))
    assert record.artifact is not None
    graph = onnx.load_from_string(workspace.results.read(record.artifact))
    for node in graph.graph.node:
        for part in node.attribute:
            if part.name == "leaf_weights":
                changed = helper.to_array(part.t) * 0.5
                part.t.CopyFrom(helper.from_array(changed, part.t.name))
    place = root / "spoiled.onnx"
    place.write_bytes(graph.SerializeToString())
    other = msgspec.structs.replace(record, artifact=workspace.content.add(place))
    keep_conversion(workspace.bucket, "trusted", other)


def test_both_forms_answer_what_the_version_answered_when_it_was_registered(
    tmp_path: Path,
) -> None:
    root = project(tmp_path / "project")
    version(root, fitted(5), converted=False)
    workspace = open_workspace(root, {})
    found = registered(workspace, 1)
    golden = golden_requests(workspace, found)
    assert golden is not None
    assert golden.rows == 32
    assert "scikit-learn" in golden.made_with
    for says in ("skops, not converted", "ONNX, converted and verified"):
        form, signature = form_of(workspace, NAME, found)
        assert form.says == says
        assert verify_golden(form, signature, golden) is None
        assert "32 golden requests are answered as they must be" in form.why
        said(root, "convert", "sale/1", "--out", str(root / "form.onnx"))


def test_a_server_says_what_it_has_proven_and_answers_the_golden_requests_over_http(
    own_shop: Path, workspace: Workspace
) -> None:
    golden = golden_requests(workspace, registered(workspace, 1))
    assert golden is not None
    server = Server(own_shop, "sale@live")
    try:
        answers = server.predict(*golden.records())["predictions"]
        log = server.log
    finally:
        server.stop()
    assert mismatch(golden, answers_by_column(answers)) is None
    (line,) = (one for one in log.splitlines() if "answers as" in one)
    assert "ONNX, converted and verified" in line
    assert "as skops" in line
    assert "32 golden requests are answered as they must be" in line


def test_a_form_with_other_weights_under_a_matching_digest_does_not_start(own_shop: Path) -> None:
    spoil(own_shop, 1)
    words = [sys.executable, "-m", "trueup", "-C", str(own_shop), "serve", "sale@live"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 10, done.stderr
    assert "shop/sale/1 (ONNX, converted and verified) does not answer as when" in done.stderr
    assert "golden request" in done.stderr
    assert "trueup convert shop/sale/1" in done.stderr
    assert "Traceback" not in done.stderr


def test_at_a_swap_it_is_refused_and_the_live_version_stays_for_all_to_see(
    own_shop: Path, eventually: Eventually
) -> None:
    spoil(own_shop, 2)
    server = Server(own_shop, "sale@live")
    try:
        before = server.predict(RECORD)
        said(own_shop, "alias", "sale/2", "live")
        eventually(lambda: server.metric('trueup_model_behind{model="sale"}') == 1)
        after = server.predict(RECORD)
        metadata = server.client.get("/v2/models/sale").json()
        assert server.metric('trueup_swaps_total{model="sale",result="refused"}') == 1
        said(own_shop, "convert", "sale/2", "--out", str(own_shop / "form.onnx"))
        said(own_shop, "alias", "sale/1", "live")
        eventually(lambda: server.metric('trueup_model_behind{model="sale"}') == 0)
        said(own_shop, "alias", "sale/2", "live")
        eventually(lambda: server.predict(RECORD)["version"] == 2)
    finally:
        server.stop()
    assert (before["version"], before["predictions"]) == (1, after["predictions"])
    trouble = metadata["parameters"]["trouble"]
    assert "version 2 is not served" in trouble
    assert "does not answer as when it was registered" in trouble


def test_another_models_file_in_the_place_of_the_versions_own_is_found_out(
    workspace: Workspace,
) -> None:
    mine = registered(workspace, 1)
    place = workspace.root / "other.skops"
    place.write_bytes(fitted(4))
    other = msgspec.structs.replace(mine, model=workspace.content.add(place))
    with pytest.raises(NotProven, match=r"shop/sale/1 \(skops, not converted\) does not answer"):
        form_of(workspace, NAME, other)


def test_a_library_that_answers_otherwise_is_found_out(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = unconverted(workspace, 1)
    forest = import_module("sklearn.ensemble").RandomForestClassifier
    honest = forest.predict_proba

    def later(self: Any, given: Any) -> Any:
        return honest(self, given) * [1.0, 0.9]

    monkeypatch.setattr(forest, "predict_proba", later)
    with pytest.raises(NotProven, match="does not answer as when it was registered"):
        form_of(workspace, NAME, found)

    def broken(self: Any, given: Any) -> Any:
        raise RuntimeError("out of order")

    monkeypatch.setattr(forest, "predict_proba", broken)
    with pytest.raises(NotProven, match=r"fails on its own golden requests: .*out of order"):
        form_of(workspace, NAME, found)


def unconverted(workspace: Workspace, number: int) -> Registered:
    """Take a version's converted form away."""
    found = registered(workspace, number)
    record = conversion_of(workspace, found)
    nothing = msgspec.structs.replace(record, artifact=None, refused=("taken away",))
    keep_conversion(workspace.bucket, "trusted", nothing)
    return found


def test_a_version_without_golden_requests_is_served_and_that_is_said(
    workspace: Workspace,
) -> None:
    found = registered(workspace, 1)
    parts = {name: part for name, part in found.parts.items() if name != "golden"}
    form, _ = form_of(workspace, NAME, msgspec.structs.replace(found, parts=parts))
    assert "it has no golden requests" in form.why


@pytest.mark.parametrize("quicker", ["own", "form", "own alone"])
def test_the_form_that_was_measured_quicker_answers(workspace: Workspace, quicker: str) -> None:
    found = registered(workspace, 1)
    record = conversion_of(workspace, found)
    slow, fast = Cost(900.0, 9.0), Cost(10.0, 1.0)
    mixed = Cost(5.0, 20.0)  # quicker with a row that comes alone, slower with many
    own = {"own": fast, "form": slow, "own alone": mixed}[quicker]
    timings = Timings(slow if quicker == "own" else fast, own, "skops")
    keep_conversion(workspace.bucket, "trusted", msgspec.structs.replace(record, timings=timings))
    form, _ = form_of(workspace, NAME, found)
    assert form.says.startswith("skops" if quicker == "own" else "ONNX")
    assert "10 us a row alone" in form.why


def test_where_the_quicker_forms_library_is_missing_the_converted_one_answers(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries: Any = import_module("trueup.models.libraries")
    found = registered(workspace, 1)
    record = conversion_of(workspace, found)
    timings = Timings(Cost(900.0, 9.0), Cost(10.0, 1.0), "skops")
    keep_conversion(workspace.bucket, "trusted", msgspec.structs.replace(record, timings=timings))
    there = libraries.find_spec
    monkeypatch.setattr(
        libraries, "find_spec", lambda name: None if name == "sklearn" else there(name)
    )
    form, _ = form_of(workspace, NAME, found)
    assert form.says.startswith("ONNX")


def test_what_both_forms_took_is_recorded_when_it_is_converted(workspace: Workspace) -> None:
    timings = conversion_of(workspace, registered(workspace, 1)).timings
    assert timings is not None
    assert timings.format == "skops"
    assert not timings.own_is_quicker
    assert 0 < timings.form.many_us < timings.form.one_us < timings.own.one_us


def test_redacted_columns_are_never_kept_and_still_asked_for(tmp_path: Path) -> None:
    root = project(tmp_path / "project", "capture: {redact: [shop, staff]}")
    version(root, fitted(5))
    workspace = open_workspace(root, {})
    found = registered(workspace, 1)
    golden = golden_requests(workspace, found)
    assert golden is not None
    assert golden.made_up == ("shop", "staff")
    assert set(golden.inputs["shop"]) == {"a"}
    assert set(golden.inputs["staff"]) == {3}
    assert len(set(golden.inputs["near"])) == golden.rows
    form, signature = form_of(workspace, NAME, found)
    assert verify_golden(form, signature, golden) is None


def test_the_forms_error_of_single_precision_is_within_what_was_stated(
    workspace: Workspace,
) -> None:
    found = registered(workspace, 1)
    golden = golden_requests(workspace, found)
    assert golden is not None
    form, signature = form_of(workspace, NAME, found)

    class Rounded:
        coded, says, why = True, "a test", ""

        def __init__(self, by: float) -> None:
            self.by = by

        def predict(self, taken: Any) -> Any:
            answers = form.predict(taken)
            return answers | {"score": np.asarray(answers["score"]) + self.by}

    assert verify_golden(Rounded(5e-6), signature, golden) is None
    assert verify_golden(Rounded(5e-5), signature, golden) is not None
    assert verify_golden(Rounded(5e-5), signature, golden, difference=1e-4) is None
