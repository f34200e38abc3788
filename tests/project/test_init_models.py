"""What init finds out about a model: file, rows, target, and what may be asked of it."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from tests.project.projects import write
from trueup.project.beginning.findings import Limit, Listing, ModelDraft, StageDraft
from trueup.project.beginning.hints import Hints, hints_of
from trueup.project.beginning.limits import chosen, limit_of, margin_of, measured
from trueup.project.beginning.modelling import propose_model
from trueup.project.beginning.naming import id_of, target_of, task_of, time_of
from trueup.project.beginning.roles import Roles, roles_of
from trueup.project.beginning.section import models_section
from trueup.project.beginning.tables import Table, look_into

TRAIN = StageDraft("train", "python t.py", deps=("t.py", "train.csv"), outs=("model.skops",))
SCORE = StageDraft(
    "score",
    "python s.py",
    deps=("s.py", "test.csv", "model.skops"),
    outs=("predictions.csv",),
    metrics=("metrics.json",),
)


def hinted(source: str, **texts: str) -> Hints:
    named = {f"{name}.yaml": text for name, text in texts.items()}
    return hints_of(Listing(frozenset(), {"a.py": dedent(source), **named}), ["a.py"])


@pytest.mark.parametrize(
    "source",
    [
        "y = df['late']",
        "X, y = df.drop(columns=['late']), df['late']",
        "y_train, y_test = train['late'].values, test['late'].astype(int)",
        "y = train.pop('late')",
        "model.fit(df[FEATURES], df['late'])",
        "TARGET = 'late'\nmodel.fit(df[FEATURES], df[TARGET])",
        "from sklearn.metrics import roc_auc_score\nroc_auc_score(test['late'], p)",
        "target = test.get_column('late')",
        "split(df, target='late')",
    ],
)
def test_scripts_tell_the_target_by_what_they_do_with_it(source: str) -> None:
    assert target_of(("id", "late", "carrier"), hinted(source)) == "late"


def test_a_parameter_file_tells_the_target_too() -> None:
    hints = hinted("pass", params="train: {target: late, depth: 3}")
    assert target_of(("late", "x"), hints) == "late"


def test_a_target_that_could_be_one_of_two_columns_is_left_open() -> None:
    assert target_of(("a", "b"), hinted("y = df['a']\ny_true = df['b']")) == ""
    assert target_of(("a", "b"), hinted("df.drop(columns=['a', 'b'])")) == ""


def test_a_column_called_target_is_the_target_if_no_script_says_another() -> None:
    assert target_of(("x", "target"), Hints()) == "target"
    assert target_of(("x", "target"), hinted("model.fit(X, df['x'])")) == "x"


@pytest.mark.parametrize(
    ("values", "kinds", "tasks", "task"),
    [
        ("0 1 1 0", {}, (), "binary"),
        ("yes no yes", {}, (), "binary"),
        ("a b c a b c", {}, (), "multiclass"),
        ("0 1 2 0 1 2", {"classifier": 1}, (), "multiclass"),
        ("0 1 2 0 1 2", {}, ("binary", "multiclass"), "multiclass"),
        ("0 1 2 0 1 2", {}, (), ""),
        ("0 1 2 0 1 2", {"regressor": 2, "classifier": 1}, (), "regression"),
        ("0.5 1 2 7 9", {}, ("regression",), "regression"),
        (" ".join(f"{n / 7}" for n in range(100)), {}, (), "regression"),
        ("a b c d", {}, (), ""),
        ("", {"regressor": 1}, (), "regression"),
        ("", {}, (), ""),
    ],
)
def test_the_task_is_what_values_scripts_and_metrics_say_together(
    values: str, kinds: Mapping[str, int], tasks: tuple[str, ...], task: str
) -> None:
    assert task_of(values.split(), Hints(kinds=kinds), tasks) == task


def table(root: Path, name: str, columns: Mapping[str, list[str]]) -> Table:
    rows = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
    (root / name).write_text("\n".join(rows) + "\n")
    return look_into(root, name)


def test_an_id_names_each_row_once_and_not_by_its_place(tmp_path: Path) -> None:
    test = table(
        tmp_path,
        "test.csv",
        {"shop_id": ["1", "1"], "row_id": ["0", "1"], "order_id": ["o7", "o8"], "y": ["0", "1"]},
    )
    train = table(
        tmp_path, "train.csv", {"row_id": ["0", "1", "2"], "order_id": ["o1", "o2", "o3"]}
    )
    assert id_of(test, [train], "y") == "order_id"
    assert id_of(test, [], "y") == "row_id"
    assert id_of(train, [], "order_id") == "row_id"


def test_a_time_reads_as_one_and_lies_on_days_enough(tmp_path: Path) -> None:
    days = [str(date(2024, 1, 1) + timedelta(days=n)) for n in range(30)]
    columns = {"birth_date": days, "sold_at": days, "date": ["x"] * 30, "seen_at": days[:1] * 30}
    assert time_of(table(tmp_path, "t.csv", columns), "y") == ("sold_at", "")
    few = table(tmp_path, "few.csv", {"day_seen_at": days[:3] * 2})
    assert time_of(few, "y") == (
        "",
        "day_seen_at lies on 3 days only, too few to judge by, so rows are taken as independent",
    )
    two = table(tmp_path, "two.csv", {"made_at": days, "sold_at": days})
    assert time_of(two, "y") == ("made_at", "made_at is taken as the time of a row, not sold_at")


def test_csv_is_read_without_polars_and_parquet_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trueup.project.beginning.tables.find_spec", lambda name: None)
    found = table(tmp_path, "t.tsv", {"a": ["1"]})
    assert (found.columns, found.values("a"), found.values("b")) == (("a",), ["1"], [])
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    assert "trueup[gate]" in look_into(tmp_path, "t.parquet").why_not
    assert look_into(tmp_path, "none.csv").why_not == "none.csv is not there yet"


def test_each_file_has_its_part_by_who_reads_and_writes_it() -> None:
    found = roles_of([TRAIN, SCORE])
    assert (found.model, found.data, found.predictions) == (
        "model.skops",
        "test.csv",
        "predictions.csv",
    )
    assert (found.metrics, found.one_stage, found.missing) == (("metrics.json",), "", "")


def test_a_scaler_is_not_the_model_and_a_safe_file_goes_before_a_pickle() -> None:
    fit = StageDraft("fit", "x", outs=("scaler.skops", "model.pkl", "clf.onnx", "model_info.json"))
    found = roles_of([fit])
    assert found.model == "clf.onnx"
    assert "no stage reads clf.onnx and test rows" in found.missing


def test_a_stage_that_both_trains_and_tests_is_named_with_what_it_trains_on() -> None:
    both = StageDraft("fit", "x", deps=("train.csv", "test.csv"), outs=("model.ubj",))
    found = roles_of([both])
    assert (found.data, found.one_stage, found.trained_on) == ("test.csv", "fit", ("train.csv",))


def test_without_a_model_that_is_what_is_missing() -> None:
    assert roles_of([StageDraft("clean", "x", outs=("clean.csv",))]) == Roles(
        missing="no stage writes a file that looks like a model, such as model.skops"
    )


FILE = {
    "m.json": {
        "train_auc": 0.99,
        "val_auc": 0.8,
        "test/roc_auc": 0.9,
        "accuracy": 0.85,
        "f1": float("nan"),
        "1.precision": 0.2,
        "rows": 7,
        "recall": 85.0,
        "rmse": 3.2,
    }
}


def test_metrics_are_those_of_the_test_rows_by_names_that_the_gate_knows() -> None:
    assert [one.metric for one in measured(FILE, "binary")] == ["roc_auc", "accuracy", "auc"]
    best = chosen(measured(FILE, "binary"), "binary", scored=True)
    assert best is not None
    assert (best.metric, best.value) == ("roc_auc", 0.9)
    of_labels = chosen(measured(FILE, "binary"), "binary", scored=False)
    assert of_labels is not None
    assert of_labels.metric == "accuracy"
    assert chosen(measured({}, "binary"), "binary", scored=True) is None


@pytest.mark.parametrize(
    ("name", "value", "task", "target", "key", "limit"),
    [
        ("roc_auc", 0.9, "binary", [], "at_least", 0.7),
        ("accuracy", 0.9, "binary", ["0", "0", "0", "1"], "at_least", 0.82),
        ("accuracy", 0.6, "binary", ["0", "0", "0", "1"], "at_least", 0.75),
        ("f1", 0.5, "binary", ["0", "1"], "at_least", 0.25),
        ("r2", 0.4, "regression", ["1", "2"], "at_least", 0.2),
        ("r2", -3.0, "regression", ["1", "2"], "at_least", 0.0),
        ("rmse", 1.0, "regression", ["0", "6"], "at_most", 2.0),
        ("mae", 1.0, "regression", ["0", "6"], "at_most", 2.0),
        ("rmse", 5.0, "regression", ["0", "6"], "at_most", 7.5),
        ("mape", 0.1, "regression", ["1", "2"], "at_most", 0.15),
    ],
)
def test_a_limit_lies_half_way_from_knowing_nothing_to_what_was_measured(
    name: str, value: float, task: str, target: list[str], key: str, limit: float
) -> None:
    (one,) = measured({"m.json": {name: value}}, task)
    found = limit_of(one, task, target)
    assert (found.metric, found.key, found.value) == (name, key, limit)
    assert f"m.json has {value:.4g}" in found.why


def test_a_margin_is_known_only_of_metrics_between_0_and_1() -> None:
    (one,) = measured({"m.json": {"auc": 0.9}}, "binary")
    (other,) = measured({"m.json": {"log_loss": 0.5}}, "binary")
    assert (margin_of(one, "binary"), margin_of(other, "binary")) == (0.01, None)


FILES = {
    "s.py": "y = df['sold']\n",
    "train.csv": "id,x,sold\na,1,0\nb,2,1\n",
    "test.csv": "id,x,sold\nc,1,0\nd,2,1\ne,3,1\n",
    "predictions.csv": "id,score\nc,0.1\nd,0.8\ne,0.9\n",
    "metrics.json": '{"roc_auc": 0.9}',
}


def proposed(root: Path, *stages: StageDraft, **changed: str) -> ModelDraft:
    files = {**FILES, **{name.replace("__", "."): text for name, text in changed.items()}}
    write(root, {name: text for name, text in files.items() if text})
    return propose_model(root, stages or (TRAIN, SCORE), Listing(frozenset(files), files))


def test_what_is_there_is_enough_for_a_model_that_can_be_judged(tmp_path: Path) -> None:
    found = proposed(tmp_path)
    assert (found.missing, found.notes) == ("", ())
    assert (found.task, found.target, found.id) == ("binary", "sold", "id")
    assert found.limit == Limit("roc_auc", "at_least", 0.7, found.limit.why if found.limit else "")
    assert (found.compared, found.margin) == ("roc_auc", 0.01)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"test__csv": ""}, "test.csv is not there yet"),
        ({"s__py": "pass"}, "it is not clear which column of test.csv is the target"),
        ({"metrics__json": '{"rows": 3}'}, "metrics.json has nothing that the gate knows by name"),
        (
            {"test__csv": "id,sold\nc,1\nd,2\ne,3\n", "metrics__json": ""},
            "it is not clear what sold is",
        ),
    ],
)
def test_what_is_not_found_is_one_sentence_and_the_section_a_comment(
    tmp_path: Path, changed: dict[str, str], says: str
) -> None:
    found = proposed(tmp_path, **changed)
    assert found.missing.startswith(says)
    assert all(line.startswith("#") for line in models_section(found).splitlines())


def test_a_pickle_is_said_to_be_refused_with_how_to_save_it_instead(tmp_path: Path) -> None:
    train = StageDraft("t", "x", deps=("train.csv",), outs=("model.pkl",))
    judge = StageDraft("j", "x", deps=("s.py", "test.csv", "model.pkl"), metrics=("metrics.json",))
    found = proposed(tmp_path, train, judge)
    assert found.missing.startswith("model.pkl is a pickle, which is refused")
    assert 'skops.io.dump(model, "model.skops")' in found.missing


def test_an_id_that_predictions_lack_is_left_out_and_said(tmp_path: Path) -> None:
    found = proposed(tmp_path, predictions__csv="score\n0.1\n0.8\n0.9\n")
    assert (found.id, found.missing) == ("", "")
    assert found.notes == ("write id to predictions.csv as well, and set id: id",)


def test_predictions_that_no_name_tells_are_not_used(tmp_path: Path) -> None:
    found = proposed(tmp_path, predictions__csv="id,p\nc,0.1\nd,0.8\ne,0.9\n")
    assert found.predictions == ""
    assert "has no column called score or prediction" in found.notes[0]
