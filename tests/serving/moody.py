"""A project whose versions do as a file tells them: take their time, or fail."""

from pathlib import Path

from tests.serving.servers import said, table

MODEL = "shop/sale"
_CLASS = """
import os
import time

import numpy as np


class Moody:
    def __init__(self, name):
        self.name = name

    @classmethod
    def load(cls, folder):
        return cls((folder / "name").read_text())

    def predict(self, columns):
        near = np.asarray(columns["near"], float)
        mood = ""
        if os.path.exists(os.environ.get("MOODS", "") + "/" + self.name):
            with open(os.environ["MOODS"] + "/" + self.name) as file:
                mood = file.read()
        if mood == "fails":
            raise ValueError("in a mood")
        if mood == "busy":
            end = time.perf_counter() + 0.3 * len(near)
            while time.perf_counter() < end:
                pass
        elif mood:
            time.sleep(float(mood) * len(near))
        score = near if self.name == "first" else 1 - near
        return {"prediction": (score > 0.5).astype(np.int64), "score": score}
"""
_CONFIGURATION = """\
format: 1
project: shop
environment: {key: none}
stages:
  count: {cmd: wc -l test.csv > rows.txt, deps: [test.csv], outs: [rows.txt]}
models:
  sale:
    path: model
    task: binary
    features: [shop, near, staff]
    trust: {code: ["moody:Moody"]}
    evaluate: {data: test.csv, target: sold, id: id}
    serve:
      poll: 0.2s
      limits: {answer_s: 4.0}
      challenger: {HOW}
"""


def moody_project(root: Path, how: str) -> Path:
    """Write a project with the version ``first`` live and ``second`` on trial."""
    root.mkdir()
    (root / "trueup.yaml").write_text(_CONFIGURATION.replace("{HOW}", f"{{{how}}}"))
    table().write_csv(root / "test.csv")
    sources = root / "sources"
    sources.mkdir()
    (sources / "moody.py").write_text(_CLASS)
    for name in ("first", "second"):
        _packed(root, sources, name)
        said(root, "register", "sale")
    said(root, "alias", "sale/1", "live")
    said(root, "alias", "sale/2", "challenger")
    return root


def _packed(root: Path, sources: Path, name: str) -> None:
    import shutil

    from trueup.models.packing import Packed, pack

    (sources / "name").write_text(name)
    shutil.rmtree(root / "model", ignore_errors=True)
    inputs = ("shop", "near", "staff")
    pack(Packed("moody:Moody", sources, {"name": sources / "name"}, inputs), root / "model")


def mood(moods: Path, name: str, how: str) -> None:
    """Tell a version how to be from now on."""
    moods.mkdir(exist_ok=True)
    scratch = moods / f".{name}"
    scratch.write_text(how)
    scratch.replace(moods / name)
