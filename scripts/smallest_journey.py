"""Walk the smallest journeys with the trueup of this interpreter.

Run twice and see nothing change. Where a room's extra is here, let a run end with a promoted model,
judged by its predictions or asked for them, and draw a picture; else be told what to install.
"""

import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages

import trueup
from trueup.errors import TrueupError

COMMAND = (sys.executable, "-m", "trueup")
PROJECT = """\
stages:
  hello:
    cmd: echo hello > hello.txt
    outs: [hello.txt]
"""
# a model that is judged by the predictions of a file: the extra gate
PREDICTED = """\
stages:
  train: {cmd: cp train.csv model.txt, deps: [train.csv], outs: [model.txt]}
  score: {cmd: cp test.csv scores.csv, deps: [model.txt, test.csv], outs: [scores.csv]}
models:
  hello:
    path: model.txt
    task: binary
    evaluate: {data: test.csv, predictions: scores.csv, target: late, id: id}
    gate: {rules: [{metric: roc_auc, at_least: 0.7}]}
"""
# and one that is itself asked for them: the extra models
ASKED = """\
stages:
  train: {cmd: python train.py, deps: [train.py, train.csv], outs: [model.skops]}
models:
  hello:
    path: model.skops
    task: binary
    features: [score]
    evaluate: {data: test.csv, target: late, id: id}
    gate: {rules: [{metric: roc_auc, at_least: 0.7}]}
"""
TRAIN = """\
import csv

import numpy as np
import skops.io
from sklearn.linear_model import LogisticRegression

rows = list(csv.DictReader(open("train.csv")))
x = np.array([[float(row["score"])] for row in rows])
skops.io.dump(LogisticRegression().fit(x, [int(row["late"]) for row in rows]), "model.skops")
"""


def of_extras() -> set[str]:
    """Return the names of the packages that only extras bring."""
    wanted = metadata("trueup").get_all("Requires-Dist") or ()
    names = (re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in wanted if "extra" in each)
    return {name.lower().replace("-", "_") for name in names}


def import_everything() -> None:
    """Import each module of the package, so that a missing dependency is seen.

    A module may lack only what an extra that is not here would bring, or say which one that is.
    """
    optional = of_extras()
    # packages are imported below as modules are; what goes wrong is looked at there
    for module in walk_packages(trueup.__path__, "trueup.", onerror=lambda _: None):
        if module.name.endswith("__main__"):
            continue
        try:
            import_module(module.name)
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] not in optional:
                raise
        except TrueupError as error:
            if "trueup[" not in error.remedy:
                raise


def say(arguments: Sequence[str], where: Path, *, ends: int = 0) -> str:
    """Run one command there and return what it said on both streams."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "PATH": path}
    done = subprocess.run(
        arguments, cwd=where, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != ends:
        sys.exit(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def expect(words: str, said: str) -> None:
    """Leave with a message where the words were not said."""
    if words not in said:
        sys.exit(f"expected to read {words!r} in:\n{said}")


def run_twice(where: Path) -> None:
    """Run a stage, and see that a second run does nothing."""
    (where / "trueup.yaml").write_text(PROJECT)
    say([*COMMAND, "--version"], where)
    say([*COMMAND, "run"], where)
    first = (where / "hello.txt").stat().st_mtime_ns
    say([*COMMAND, "run"], where)
    if (where / "hello.txt").read_text() != "hello\n":
        sys.exit("the stage did not write its output")
    if (where / "hello.txt").stat().st_mtime_ns != first:
        sys.exit("a second run did something although nothing had changed")


def promote_predicted(where: Path) -> None:
    """Let a run judge a first model by its predictions."""
    promote(where, PREDICTED)


def promote_asked(where: Path) -> None:
    """Let a run judge a first model by asking it."""
    promote(where, ASKED)


def promote(where: Path, project: str) -> None:
    """Let a run judge the project's first model and promote it; look at its verdict as a page."""
    (where / "trueup.yaml").write_text(project)
    (where / "train.py").write_text(TRAIN)
    for name in ("train", "test"):
        (where / f"{name}.csv").write_text(rows_of(name))
    if not has("numpy", "polars"):
        expect("trueup[", say([*COMMAND, "run"], where, ends=2))
        return
    expect("promoted: champion of dev", say([*COMMAND, "run"], where))
    expect("hello/1", say([*COMMAND, "resolve", "hello"], where))
    say([*COMMAND, "report", "hello", "--html", "page.html"], where)
    drawn = "<svg" in (where / "page.html").read_text()
    if drawn != has("vl_convert"):
        sys.exit("a page has pictures where the extra report is installed, and only there")


def rows_of(table: str) -> str:
    """Return a table in which a higher score is more often late."""
    chance = random.Random(table)  # noqa: S311 # rows of an example, not a secret
    lines = ["id,score,late"]
    for row in range(600):
        score = chance.random()
        lines.append(f"{table}-{row},{score:.6f},{int(chance.random() < score)}")
    return "\n".join(lines) + "\n"


def draw() -> None:
    """Draw one picture on a page."""
    from trueup.reporting.blocks import Report
    from trueup.reporting.charts import bars
    from trueup.reporting.html import render_html

    expect("<svg", render_html(Report("Hello", (bars("Heights", {"a": 1.0, "b": 2.0}),))))


def has(*packages: str) -> bool:
    """Say whether all of these are installed."""
    return all(find_spec(package) for package in packages)


def main() -> None:
    """Leave with a message at the first thing that does not hold."""
    import_everything()
    journeys = [run_twice, promote_predicted, *([promote_asked] if has("skops") else [])]
    with tempfile.TemporaryDirectory() as folder:
        for journey in journeys:
            where = Path(folder) / journey.__name__
            where.mkdir()
            say(["git", "init", "--quiet"], where)
            journey(where)
    if has("vl_convert"):
        draw()


if __name__ == "__main__":
    main()
