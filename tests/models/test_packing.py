"""A class is packed with the code that it imports, and two versions live side by side."""

import os
import sys
from pathlib import Path

import pytest

from trueup.errors import NotProven, WrongUsage
from trueup.models.artifact import open_model
from trueup.models.packing import SIDECAR, Packed, modules, pack
from trueup.models.port import ModelDamaged, Trust
from trueup.store.scan import Scanner

TRUSTED = Trust(code=("churn:Churn",))
CLASS = """
import numpy as np
from steps.scale import scaled
import plain


class Churn:
    @classmethod
    def load(cls, folder):
        return cls()

    def predict(self, columns):
        return np.array([scaled(value) for value in columns["x"]])
"""


def sources(at: Path, factor: int) -> Path:
    (at / "steps").mkdir(parents=True)
    (at / "churn.py").write_text(CLASS)
    (at / "plain.py").write_text("import json\n")
    (at / "unused.py").write_text("raise SystemExit\n")
    (at / "steps" / "__init__.py").write_text("from . import factor\n")
    (at / "steps" / "scale.py").write_text(
        "from .factor import FACTOR\n\n\ndef scaled(x):\n    return x * FACTOR\n"
    )
    (at / "steps" / "factor.py").write_text(f"FACTOR = {factor}\n")
    return at


def test_what_a_class_imports_is_packed_and_nothing_else(tmp_path: Path) -> None:
    at = sources(tmp_path, 2)
    found = [one.relative_to(at).as_posix() for one in modules("churn", at)]
    assert found == [
        "churn.py", "plain.py", "steps/__init__.py", "steps/factor.py", "steps/scale.py"
    ]  # fmt: skip


def test_two_versions_of_the_same_modules_live_side_by_side(tmp_path: Path) -> None:
    for factor in (2, 3):
        pack(
            Packed("churn:Churn", sources(tmp_path / f"s{factor}", factor)), tmp_path / f"{factor}"
        )
    before = set(sys.modules)
    two = open_model(tmp_path / "2", TRUSTED)
    three = open_model(tmp_path / "3", TRUSTED)
    for model, factor in ((two, 2), (three, 3), (two, 2)):
        found, _ = model.predict({"x": [1, 10]})
        assert found.column("prediction").tolist() == [factor, 10 * factor]
    assert "churn" not in sys.modules
    assert not any(one.startswith("steps") for one in set(sys.modules) - before)
    assert not any(str(tmp_path) in one for one in sys.path)


def test_loading_leaves_the_folder_as_it_was_hashed(tmp_path: Path) -> None:
    pack(Packed("churn:Churn", sources(tmp_path / "s", 2)), tmp_path / "m")
    before = Scanner(tmp_path, tmp_path / "state").scan(tmp_path / "m")
    open_model(tmp_path / "m", TRUSTED).predict({"x": [1]})
    assert Scanner(tmp_path, tmp_path / "state").scan(tmp_path / "m") == before
    assert "__pycache__" not in os.listdir(tmp_path / "m" / "code")  # noqa: PTH208 - names will do


def test_the_same_sources_give_the_same_folder(tmp_path: Path) -> None:
    at = sources(tmp_path / "s", 2)
    for name in ("a", "b"):
        pack(Packed("churn:Churn", at), tmp_path / name)
    a, b = (Scanner(tmp_path, tmp_path / "state").scan(tmp_path / name) for name in "ab")
    assert a is not None
    assert a == b


def test_a_class_that_is_not_there_is_said_on_packing_and_on_loading(tmp_path: Path) -> None:
    at = sources(tmp_path / "s", 2)
    with pytest.raises(WrongUsage, match="no module 'chum' to pack"):
        pack(Packed("chum:Churn", at), tmp_path / "m")
    pack(Packed("churn:Chum", at), tmp_path / "m")
    with pytest.raises(ModelDamaged, match="Chum"):
        open_model(tmp_path / "m", Trust(code=("churn:Chum",)))
    with pytest.raises(WrongUsage, match="not empty"):
        pack(Packed("churn:Churn", at), tmp_path / "m")


def test_a_folder_packed_by_a_newer_trueup_is_refused(tmp_path: Path) -> None:
    pack(Packed("churn:Churn", sources(tmp_path / "s", 2)), tmp_path / "m")
    sidecar = tmp_path / "m" / SIDECAR
    sidecar.write_text(sidecar.read_text().replace('"format": 1', '"format": 2, "new": 3'))
    with pytest.raises(NotProven, match="format 2"):
        open_model(tmp_path / "m", TRUSTED)
