"""Models and functions in other environments: what they are given, may do, and how they end."""

import ast
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.delivery.flights_project import plain_env
from tests.project.projects import write
from trueup.delivery.elsewhere import frames
from trueup.delivery.elsewhere.predicting import (
    ColumnsMissing,
    predict_here,
    predict_with,
)
from trueup.delivery.elsewhere.talking import Place, Worker, WorkerFailed, working
from trueup.models.artifact import Reading
from trueup.models.packing import Packed, pack
from trueup.models.port import ModelRefused, Trust
from trueup.models.signature import SignatureBroken, infer
from trueup.models.tables import as_table

pytest.importorskip("skops", reason="optional: pip install 'trueup[models]'")

ENDS_WITHIN_S = 20.0


def place(root: Path, **how: Any) -> Place:
    """Return this very Python as another environment, with a folder of code."""
    given: dict[str, Any] = {"env": plain_env(), "code": (root,), **how}
    return Place(python=Path(sys.executable), cwd=root, **given)


def table(rows: int = 300) -> pl.DataFrame:
    """Return numbers, texts with some missing, and a column that no model takes."""
    draw = np.random.default_rng(5)
    where = [("ATL", "BOS", None)[k] for k in draw.integers(0, 3, rows)]
    columns = {"a": draw.normal(size=rows), "b": draw.normal(size=rows), "where": where}
    return pl.DataFrame({**columns, "other": range(rows)})


def fitted(given: pl.DataFrame) -> Any:
    """Return a pipeline over numbers and texts."""
    encoder = import_module("sklearn.preprocessing").OrdinalEncoder
    unseen = encoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = import_module("sklearn.compose").make_column_transformer(
        (unseen, ["where"]), ("passthrough", ["a", "b"])
    )
    trees = import_module("sklearn.ensemble").HistGradientBoostingClassifier(max_iter=8)
    model = import_module("sklearn.pipeline").make_pipeline(columns, trees)
    return model.fit(given.drop("other"), (given["a"] > 0).to_list())


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A model of skops, and what it predicts here."""
    io = import_module("skops.io")
    model = fitted(table())
    file = tmp_path_factory.mktemp("saved") / "model.skops"
    io.dump(model, file)
    return file, model.predict_proba(table().drop("other"))[:, 1]


def test_a_model_predicts_in_a_process_of_its_own_what_it_predicts_here(
    tmp_path: Path, saved: tuple[Path, Any]
) -> None:
    file, expected = saved
    there = predict_with(place(tmp_path), file, table(), Trust())
    here = predict_here(file, table(), Trust())
    assert np.array_equal(there.outputs["score"], expected)
    assert np.array_equal(here.outputs["score"], expected)
    assert there.outputs["prediction"].dtype == here.outputs["prediction"].dtype
    assert there.library.startswith("scikit-learn ")


def test_boosters_predict_elsewhere_what_they_predict_here(tmp_path: Path) -> None:
    given = table().select("a", "b")
    truth = (given["a"] > 0).to_numpy().astype(int)
    made: list[Path] = []
    lightgbm = pytest.importorskip("lightgbm", reason="optional: pip install lightgbm")
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1}
    data = lightgbm.Dataset(given.to_numpy(), truth, feature_name=["a", "b"])
    made.append(tmp_path / "model.txt")
    lightgbm.train(settings, data, 10).save_model(made[-1])
    xgboost = pytest.importorskip("xgboost", reason="optional: pip install xgboost")
    made.append(tmp_path / "model.ubj")
    matrix = xgboost.DMatrix(given.to_numpy(), truth, feature_names=["a", "b"])
    xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, 10).save_model(made[-1])
    for file in made:
        there = predict_with(place(tmp_path), file, table(), Trust())
        here = predict_here(file, table(), Trust())
        assert there.outputs.keys() == here.outputs.keys() == {"prediction", "score"}
        assert all(np.array_equal(there.outputs[name], here.outputs[name]) for name in here.outputs)


def test_texts_numbers_times_and_gaps_arrive_as_they_were(tmp_path: Path) -> None:
    columns = {
        "text": np.array(["é", None, "", "é"], dtype=object),
        "truth": np.array([True, None, False, True], dtype=object),
        "number": np.array([1.5, np.nan, -0.0, np.inf]),
        "whole": np.arange(4, dtype=np.int8),
        "time": np.array(["2013-01-01", "NaT", "2014-01-01", "2015-01-01"], "datetime64[us]"),
        "matrix": np.arange(8.0).reshape(4, 2)[:, ::-1],
    }
    read, write_ = os.pipe()
    with os.fdopen(read, "rb") as inbox, os.fdopen(write_, "wb") as out:
        frames.send({"op": "none"}, columns, out)
        received = frames.receive(inbox.readline, inbox.read)
    assert received is not None
    for name, column in columns.items():
        np.testing.assert_array_equal(received[1][name], column)
        assert received[1][name].dtype == column.dtype


def test_nothing_in_a_frame_is_an_object(tmp_path: Path) -> None:
    body = pickle.dumps(print)
    said = [{"name": "a", "type": "|O", "shape": [1]}]
    with pytest.raises(frames.Refused, match="not plain"):
        frames.unpack(said, lambda count: body[:count])


def test_a_missing_column_and_a_column_of_another_type_are_told_apart_from_other_trouble(
    tmp_path: Path, saved: tuple[Path, Any]
) -> None:
    reading = Reading((), infer(as_table(table().drop("other"))))
    with pytest.raises(ColumnsMissing, match="where"):
        predict_with(place(tmp_path), saved[0], table().drop("where"), Trust(), reading)
    turned = table().with_columns(pl.col("a").cast(pl.String))
    with pytest.raises(SignatureBroken, match="a: it is text"):
        predict_with(place(tmp_path), saved[0], turned, Trust(), reading)


def test_columns_that_the_model_does_not_take_may_be_missing_from_the_table(
    tmp_path: Path, saved: tuple[Path, Any]
) -> None:
    reading = Reading((), infer(as_table(table())))
    there = predict_with(place(tmp_path), saved[0], table().drop("other"), Trust(), reading)
    here = predict_here(saved[0], table().drop("other"), Trust(), reading)
    assert np.array_equal(there.outputs["score"], here.outputs["score"])


class Bomb:
    """What a hostile pickle brings alive."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.mark),)


def test_a_pickle_is_unpickled_neither_here_nor_there_unless_the_consumer_says_so(
    tmp_path: Path,
) -> None:
    mark, file = tmp_path / "ran", tmp_path / "model.onnx"
    file.write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(ModelRefused, match="nothing was run"):
        predict_with(place(tmp_path), file, table(), Trust())
    frame = {"op": "open", "format": "pickle", "model": str(file), "pickle": False, "inputs": []}
    with working(place(tmp_path)) as one, pytest.raises(WorkerFailed, match="not trusted"):
        one.ask(frame)
    assert not mark.exists()


def test_skops_brings_only_trusted_types_alive_there(tmp_path: Path) -> None:
    io = import_module("skops.io")
    write(tmp_path, {"mine.py": _MINE})
    made = "import sys; sys.path.insert(0, '.'); import mine; mine.save()"
    subprocess.run([sys.executable, "-c", made], cwd=tmp_path, check=True)
    file = tmp_path / "model.skops"
    with pytest.raises(WorkerFailed, match=r"types that are not trusted: mine\.Twice"):
        predict_with(place(tmp_path), file, table(), Trust())
    there = predict_with(place(tmp_path), file, table(), Trust(skops=("mine.Twice",)))
    assert np.array_equal(there.outputs["prediction"], 2 * table()["a"].to_numpy())
    assert io.get_untrusted_types(file=file) == ["mine.Twice"]


_MINE = """
    import numpy as np
    import skops.io
    from sklearn.base import BaseEstimator

    class Twice(BaseEstimator):
        def fit(self, given):
            self.feature_names_in_ = np.array(["a"], dtype=object)
            return self

        def predict(self, given):
            return 2 * np.asarray(given["a"])

    def save():
        skops.io.dump(Twice().fit(None), "model.skops")
    """


def test_a_packed_class_runs_there_if_it_is_trusted_by_name(tmp_path: Path) -> None:
    code = """
        class Half:
            @classmethod
            def load(cls, folder):
                return cls()

            def predict(self, columns):
                return columns["a"] / 2
        """
    write(tmp_path / "sources", {"halves.py": code})
    pack(Packed("halves:Half", tmp_path / "sources", {}), tmp_path / "model")
    with pytest.raises(ModelRefused, match="halves:Half"):
        predict_with(place(tmp_path), tmp_path / "model", table(), Trust())
    there = predict_with(place(tmp_path), tmp_path / "model", table(), Trust(code=("halves:Half",)))
    assert np.array_equal(there.outputs["prediction"], table()["a"].to_numpy() / 2)


FUNCTIONS = """
    import os
    import subprocess
    import time

    import numpy as np

    def cost(truth, predicted):
        print("what a function prints is no answer")
        return float(np.abs(truth - predicted).mean())

    cost.greater_is_better = False

    def by_row(truth, predicted):
        return np.abs(truth - predicted)

    def wrong(truth, predicted):
        return np.dot(truth, [1, 2, 3])

    def ends(truth, predicted):
        print("good bye", os.environ.get("TOKEN"), flush=True)
        os._exit(3)

    def sleeps(truth, predicted):
        child = subprocess.Popen(["sleep", "600"])
        with open("child", "w") as file:
            file.write(str(child.pid))
        os.rename("child", "sleeping")
        time.sleep(600)
    """


def call(one: Worker, name: str, truth: Any = (0.0, 1.0), predicted: Any = (0.5, 0.5)) -> Any:
    """Load a function and call it."""
    one.ask({"op": "load", "call": name})
    columns: Mapping[str, Any] = {"truth": np.array(truth), "predicted": np.array(predicted)}
    return one.ask({"op": "call", "call": name}, columns)[1]["value"]


def test_a_function_answers_a_hundred_times_in_one_process(tmp_path: Path) -> None:
    write(tmp_path, {"mine.py": FUNCTIONS})
    with working(place(tmp_path)) as one:
        assert one.ask({"op": "load", "call": "mine:cost"})[0] == {"higher": False}
        assert one.ask({"op": "load", "call": "mine:by_row"})[0] == {"higher": True}
        answers = {float(call(one, "mine:cost", np.full(9, k), np.zeros(9))) for k in range(100)}
        assert answers == set(map(float, range(100)))
        assert call(one, "mine:by_row").tolist() == [0.5, 0.5]


def test_a_failing_function_is_named_with_its_place_and_the_last_line(tmp_path: Path) -> None:
    write(tmp_path, {"mine.py": FUNCTIONS})
    with working(place(tmp_path)) as one:
        with pytest.raises(WorkerFailed, match=r"mine:wrong failed: ValueError.*\(mine\.py:17\)"):
            call(one, "mine:wrong")
        with pytest.raises(WorkerFailed, match="nowhere:cost failed: ModuleNotFoundError"):
            call(one, "nowhere:cost")
        assert float(call(one, "mine:cost")) == 0.5  # it goes on answering


def test_a_process_that_ends_is_told_by_its_last_words_without_secrets(tmp_path: Path) -> None:
    write(tmp_path, {"mine.py": FUNCTIONS})
    env = plain_env(TOKEN="hunter2hunter2")
    with (
        working(place(tmp_path, env=env, secrets=("hunter2hunter2",))) as one,
        pytest.raises(WorkerFailed, match=r"with exit code 3[\s\S]*good bye \*\*\*"),
    ):
        call(one, "mine:ends")


def alive(pid: int) -> bool:
    """Say whether a process runs; one that waits to be reaped does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_what_takes_too_long_is_ended_with_its_children(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    write(tmp_path, {"mine.py": FUNCTIONS})
    with (
        working(place(tmp_path, timeout_s=6.0)) as one,
        pytest.raises(WorkerFailed, match="no answer within 6 s"),
    ):
        call(one, "mine:sleeps")
    child = int((tmp_path / "sleeping").read_text())
    eventually(lambda: not alive(child), timeout_s=ENDS_WITHIN_S)


def test_a_worker_and_its_children_end_when_trueup_is_killed(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    write(tmp_path, {"mine.py": FUNCTIONS})
    program = f"""
import sys
from pathlib import Path
from tests.delivery.test_elsewhere import call, place
from trueup.delivery.elsewhere.talking import working
with working(place(Path({str(tmp_path)!r}))) as one:
    call(one, "mine:sleeps")
"""
    top = Path(__file__).parents[2]
    paths = os.pathsep.join([str(top), *filter(None, sys.path)])
    asks = subprocess.Popen([sys.executable, "-c", program], env=plain_env(PYTHONPATH=paths))
    try:
        eventually((tmp_path / "sleeping").exists)
    finally:
        asks.kill()
        asks.wait()
    child = int((tmp_path / "sleeping").read_text())
    eventually(lambda: not alive(child), timeout_s=ENDS_WITHIN_S)


def test_the_worker_is_python_3_9_and_needs_nothing_of_trueup() -> None:
    here = Path(frames.__file__).parent
    models = here.parents[1] / "models"
    plain = [models / f"{one}.py" for one in ("outputs", "tree_bounds", "xgboost_trees")]
    for file in (here / "worker.py", here / "frames.py", *plain):
        tree = ast.parse(file.read_text("utf-8"), feature_version=(3, 9))
        for node in ast.walk(tree):
            named = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in named:
                known = name.partition(".")[0]
                assert known in sys.stdlib_module_names or known == "numpy", f"{file.name}: {name}"
