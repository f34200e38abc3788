"""Versions that load, and then do as a file tells them: answer, fail, or answer something else."""

import shutil
from pathlib import Path

from tests.serving.servers import project, said
from trueup.models.packing import Packed, pack

MOOD = "TRUEUP_TEST_MOOD"  # names the file
_CLASS = f"""
import os
from pathlib import Path

import numpy as np


class Moody:
    def __init__(self, slope):
        self.slope = slope

    @classmethod
    def load(cls, folder):
        return cls(float((folder / "slope").read_text()))

    def predict(self, columns):
        near = np.asarray(columns["near"], float)
        score = np.clip(near * abs(self.slope), 0, 1)
        mood = Path(os.environ["{MOOD}"]).read_text() if self.slope < 0 else ""
        if mood == "fails" or (near > 1e6).any():
            raise ValueError("the secret path /etc/secret is not there")
        if mood == "ends":
            raise SystemExit(3)
        if mood == "wrong":
            score = 1 - score
        if mood == "text":
            return {{"prediction": np.array(["yes"] * len(near)), "score": score}}
        if mood == "short":
            score = score[:-1]
        if mood == "more":
            score = np.column_stack([score, score])
        return {{"prediction": (score > 0.5).astype(np.int64), "score": score}}
"""


def breaking_project(root: Path, mood: Path) -> Path:
    """Write a project with version 1 live, 2 as moody as a file says, and 3 good.

    The environment variable names the file.
    """
    mood.write_text("")
    root.mkdir()
    project(root)
    path = root / "trueup.yaml"
    ours = 'path: model\n    trust: {code: ["moody:Moody"]}'
    path.write_text(path.read_text().replace("path: model.skops", ours))
    for slope in ("1", "-1", "0.9"):
        sources = root / "sources"
        shutil.rmtree(sources, ignore_errors=True)
        shutil.rmtree(root / "model", ignore_errors=True)
        sources.mkdir()
        (sources / "moody.py").write_text(_CLASS)
        (sources / "slope").write_text(slope)
        inputs = ("shop", "near", "staff")
        pack(Packed("moody:Moody", sources, {"slope": sources / "slope"}, inputs), root / "model")
        said(root, "register", "sale")
    said(root, "alias", "sale/1", "live")
    return root
