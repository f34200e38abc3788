"""What ``trueup serve`` loads, allows, captures and says at its end."""

from pathlib import Path

import pytest

from tests.serving.servers import RECORD, Server, fitted, project, said, version
from trueup.cli.group import trueup
from trueup.errors import TrueupError

HEAVY = ("polars", "scipy", "pyarrow", "sklearn", "pandas", "skops", "onnx", "lightgbm", "obstore")


def test_served_through_onnx_it_loads_nothing_of_what_models_are_made_with(own_shop: Path) -> None:
    server = Server(own_shop, "sale@live")
    server.predict(RECORD)
    server.client.post("/feedback", json={"id": "a", "label": 1})
    server.client.get("/metrics")
    assert server.stop() == 0
    log = Path(server._log.name).read_text()
    loaded = set(log.partition("MODULES ")[2].split())
    assert {"onnxruntime", "numpy", "granian", "msgspec"} <= loaded
    assert [one for one in HEAVY if one in loaded] == []


def test_a_version_without_another_form_is_answered_alike_by_its_own_library(
    tmp_path: Path,
) -> None:
    root = project(tmp_path / "project")
    version(root, fitted(5), converted=False)
    records = [{"shop": one, "near": 0.1 * k, "staff": k} for k, one in enumerate("abcab")]
    itself = Server(root, "sale/1")
    try:
        assert "skops, not converted" in itself.log
        expected = itself.predict(*records, {**RECORD, "shop": "z"})
    finally:
        itself.stop()
    said(root, "convert", "sale/1", "--out", str(root / "form.onnx"))
    form = Server(root, "sale/1")
    try:
        found = form.predict(*records, {**RECORD, "shop": "z"})
    finally:
        form.stop()
    assert found["flags"] == expected["flags"]
    for one, other in zip(found["predictions"], expected["predictions"], strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_captures_and_labels_are_complete_once_it_has_ended(own_shop: Path) -> None:
    from trueup.captures.reading import captures
    from trueup.project.workspace import open_workspace

    server = Server(own_shop, "sale@live")
    ids = [server.predict(RECORD, {**RECORD, "shop": "z"})["ids"] for _ in range(20)]
    labels = [{"id": one, "label": k} for k, pair in enumerate(ids) for one in pair]
    assert server.client.post("/feedback", json=labels).status_code == 200
    server.client.post("/predict", json={"records": [{"shop": 1}]})
    assert server.stop() == 0
    workspace = open_workspace(own_shop, {})
    found = captures(workspace.bucket, "shop/sale").collect()
    assert sorted(found["id"]) == sorted(one for pair in ids for one in pair)


def test_outside_dev_a_version_without_a_verdict_is_not_served(own_shop: Path) -> None:
    path = own_shop / "trueup.yaml"
    path.write_text(path.read_text() + "    environments: {prod: {}}\n".replace("    ", "", 1))
    with pytest.raises(TrueupError, match="no passing verdict"):
        trueup.main(["-C", str(own_shop), "serve", "sale/1"], standalone_mode=False)
    server = Server(own_shop, "sale/1", "--override", "--why", "to show it")
    try:
        assert server.predict(RECORD)["version"] == 1
    finally:
        server.stop()


def test_a_new_token_is_shown_once_with_what_is_kept_of_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from trueup.serving.tokens import digest_of

    words = ["-C", str(tmp_path), "serve", "--new-token", "predict"]
    trueup.main(words, standalone_mode=False)
    shown = capsys.readouterr()
    assert digest_of(shown.out.strip()) in shown.err
    assert shown.out.strip() not in shown.err
