"""torch.export archives that would run something are refused.

What needs torch itself bears its marker: make test-torch has an environment with it.
"""

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from tests.models.test_hostile import Bomb
from trueup.errors import TrueupError
from trueup.models.artifact import open_model
from trueup.models.formats.torch_graph import Unsafe, audited_graph
from trueup.models.port import ModelRefused

Change = Callable[[Any], object]


def program() -> Any:
    """Return a graph as torch.export writes it, of one addition."""
    symbol = "Symbol('s77', positive=True, integer=True)"
    size = {"as_expr": {"expr_str": symbol, "hint": {"as_int": 2}}}
    return {
        "graph_module": {
            "graph": {
                "inputs": [{"as_tensor": {"name": "x"}}],
                "nodes": [
                    {
                        "target": "torch.ops.aten.add.Tensor",
                        "name": "add",
                        "inputs": [{"name": "self", "arg": {"as_tensor": {"name": "x"}}}],
                        "outputs": [{"as_tensor": {"name": "add"}}],
                        "metadata": {"stack_trace": "File 'x.py'\n  anything (here)"},
                    }
                ],
                "tensor_values": {"x": {"dtype": 7, "sizes": [size, {"as_int": 3}]}},
            },
            "module_call_graph": [{"fqn": "", "signature": {"in_spec": '[1, {"type": null}]'}}],
        },
        "guards_code": ["__import__('os').mkdir('/evil')"],
        "verifiers": ["TRAINING"],
        "torch_version": "2.13.0+cpu",
    }


def node(graph: Any) -> Any:
    return graph["graph_module"]["graph"]["nodes"][0]


def test_guards_and_metadata_stay_behind() -> None:
    clean = audited_graph(program())
    assert clean["guards_code"] == []
    assert node(clean)["metadata"] == {}
    assert node(clean)["target"] == "torch.ops.aten.add.Tensor"


def renamed(name: str) -> Change:
    return lambda graph: node(graph).update(name=name)


def calling(target: str) -> Change:
    return lambda graph: node(graph).update(target=target)


def sized(expression: str) -> Change:
    def change(graph: Any) -> None:
        size = graph["graph_module"]["graph"]["tensor_values"]["x"]["sizes"][0]
        size["as_expr"]["expr_str"] = expression

    return change


def given_text(text: str) -> Change:
    return lambda graph: node(graph)["inputs"][0].update(arg={"as_string": text})


def specified(text: str) -> Change:
    module = "graph_module"
    return lambda graph: graph[module]["module_call_graph"][0]["signature"].update(in_spec=text)


@pytest.mark.parametrize(
    "change",
    [
        calling("torch.serialization.os.system"),
        calling("torch.load"),
        calling("_operator.methodcaller"),
        calling("_operator.call"),
        calling("math.__loader__"),
        calling("torch.ops.aten.from_file.default"),
        calling("torch.ops.higher_order.print.default"),
        calling("torch.ops.evil.run.default"),
        renamed("x\n    import os"),
        renamed("x); __import__('os').mkdir('/evil'"),
        sized("__import__('os').mkdir('/evil')"),
        sized("Symbol('s').__class__"),
        sized("eval('1')"),
        sized("open('x')"),
        given_text("/etc/passwd"),
        specified('[1, {"type": "collections.defaultdict", "context": "{}"}]'),
    ],
)
def test_a_graph_that_could_run_something_is_refused(change: Change) -> None:
    graph = program()
    audited_graph(json.loads(json.dumps(graph)))
    change(graph)
    with pytest.raises(Unsafe):
        audited_graph(graph)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("torch")
    source = (
        "import sys, torch\n"
        "class Net(torch.nn.Module):\n"
        "    def forward(self, x): return x.sum(1)\n"
        "shapes = ({0: torch.export.Dim('rows')},)\n"
        "made = torch.export.export(Net(), (torch.zeros(2, 3),), dynamic_shapes=shapes)\n"
        "torch.export.save(made, sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-c", source, str(folder / "m.pt2")], check=True)
    return (folder / "m.pt2").read_bytes()


def with_member(body: bytes, ending: str, change: Callable[[bytes], bytes]) -> bytes:
    out = BytesIO()
    with ZipFile(BytesIO(body)) as old, ZipFile(out, "w") as new:
        for name in old.namelist():
            member = old.read(name)
            new.writestr(name, change(member) if name.endswith(ending) else member)
    return out.getvalue()


@pytest.mark.torch
def test_sample_inputs_that_are_a_bomb_are_left_behind(exported: bytes, tmp_path: Path) -> None:
    fuse = tmp_path / "exploded"
    bomb = pickle.dumps(Bomb(fuse))
    (tmp_path / "m").write_bytes(with_member(exported, "sample_inputs/model.pt", lambda _: bomb))
    found, _ = open_model(tmp_path / "m").predict({"a": [1.0], "b": [2.0], "c": [3.0]})
    assert found.column("prediction").tolist() == [6.0]
    assert not fuse.exists()


@pytest.mark.torch
def test_tensors_stored_as_pickles_are_refused(exported: bytes, tmp_path: Path) -> None:
    def pickled(member: bytes) -> bytes:
        config = json.loads(member)
        config["config"]["w"] = {"path_name": "weight_0", "is_param": True, "use_pickle": True}
        return json.dumps(config).encode()

    (tmp_path / "m").write_bytes(with_member(exported, "model_weights_config.json", pickled))
    with pytest.raises(ModelRefused, match=re.escape("stored as a pickle")):
        open_model(tmp_path / "m")


@pytest.mark.torch
def test_members_that_no_graph_needs_are_refused(exported: bytes, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(exported)
    with ZipFile(tmp_path / "m", "a") as archive:
        archive.writestr("m/data/aotinductor/model/evil.so", b"\x7fELF")
    with pytest.raises(ModelRefused, match=r"evil\.so"):
        open_model(tmp_path / "m")


@pytest.mark.torch
def test_a_table_of_another_width_is_refused(exported: bytes, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(exported)
    with pytest.raises(TrueupError):
        open_model(tmp_path / "m").predict({"a": np.ones(3)})
