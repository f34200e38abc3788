"""Another version's predictions on the present rows, in a real repository."""

import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from tests.delivery.flights_project import (
    at_training,
    changed,
    commit,
    delivered,
    evaluated,
    flights,
    plain_env,
    registered,
    rerun,
    wanted,
)
from trueup.delivery.champion import Had, NotComparable, Wanted, champion_predictions
from trueup.delivery.elsewhere.environments import Builder
from trueup.delivery.elsewhere.kept import keep_predictions, kept_predictions
from trueup.delivery.elsewhere.locks import Lock
from trueup.pipeline.results import Results
from trueup.project.converting import convert
from trueup.project.workspace import Workspace
from trueup.store.scopes import scope

pytest.importorskip("skops", reason="optional: pip install 'trueup[models]'")

LOCKS = Path(__file__).parent / "locks"


def expected(asked: Wanted, said: dict[str, float]) -> Any:
    """Return what was said by flight, in the order of the rows."""
    assert asked.evaluation.ids is not None
    return np.array([said.get(str(one), np.nan) for one in asked.evaluation.ids])


def had(asked: Wanted) -> Had:
    """Return the predictions, which there must be."""
    found = champion_predictions(asked)
    assert isinstance(found, Had), found
    return found


def why(asked: Wanted) -> str:
    """Return why there are no predictions, which there must not be."""
    found = champion_predictions(asked)
    assert isinstance(found, NotComparable), found
    return found.why


def test_a_version_predicts_now_what_it_predicted_when_it_was_trained_and_once_only(
    tmp_path: Path,
) -> None:
    version = delivered(flights(tmp_path))
    said = at_training(tmp_path)
    asked = wanted(tmp_path, version)
    found = had(asked)
    assert np.array_equal(found.predictions, expected(asked, said))
    assert "no lock file" in found.how
    (tmp_path / "model.skops").unlink()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("trueup.delivery.champion._made", None)  # nothing is asked again
        assert np.array_equal(had(wanted(tmp_path, version)).predictions, found.predictions)


def test_a_pull_request_that_adds_a_feature_is_compared_by_the_features_that_the_champion_knows(
    tmp_path: Path,
) -> None:
    version = delivered(flights(tmp_path))
    said = at_training(tmp_path)
    changed(tmp_path, "prepare.py", '"far", "delay_before"', '"far_and_late", "delay_before"')
    changed(tmp_path, "prepare.py", "hour=", 'far_and_late=pl.col("miles") * 3.0, hour=')
    changed(tmp_path, "train.py", '"far"', '"far_and_late"')
    commit(tmp_path, "Add a feature, and drop one")
    rerun(tmp_path)
    asked = wanted(tmp_path, version)
    assert "far" not in asked.evaluation.frame.columns
    found = had(asked)
    assert np.array_equal(found.predictions, expected(asked, said))
    assert f"remade by its own prepare at {version.commit[:7]}" in found.how
    assert not list((tmp_path / ".trueup" / "elsewhere").iterdir())


def test_a_feature_that_keeps_its_name_and_changes_its_meaning_is_remade_too(
    tmp_path: Path,
) -> None:
    version = delivered(flights(tmp_path))
    said = at_training(tmp_path)
    changed(tmp_path, "prepare.py", "* 2.0", "* -1.0")
    commit(tmp_path, "Turn a feature round")
    rerun(tmp_path)
    asked = wanted(tmp_path, version)
    assert np.array_equal(had(asked).predictions, expected(asked, said))


def test_rows_that_its_own_code_does_not_make_are_left_open_and_counted(tmp_path: Path) -> None:
    flights(tmp_path)
    changed(tmp_path, "prepare.py", "% 3 == 0", "% 6 == 0")
    commit(tmp_path, "Test on fewer flights")
    version = delivered(tmp_path)
    said = at_training(tmp_path)
    changed(tmp_path, "prepare.py", "% 6 == 0", "% 3 == 0")
    commit(tmp_path, "Test on more flights")
    rerun(tmp_path)
    asked = wanted(tmp_path, version)
    found = had(asked)
    assert np.array_equal(found.predictions, expected(asked, said), equal_nan=True)
    lacking = int(np.isnan(found.predictions).sum())
    assert lacking > 0
    assert f"{lacking} rows" in found.how


def test_new_raw_rows_and_present_parameters_reach_the_code_of_then(tmp_path: Path) -> None:
    flights(tmp_path)
    changed(tmp_path, "prepare.py", "Path(", "UNTIL = 500\nPath(")
    version = delivered(tmp_path)
    with (tmp_path / "raw.csv").open("a") as raw:
        raw.write("900,600,500.0,12.5,1\n")
    changed(tmp_path, "prepare.py", "* 2.0", "* 5.0")
    commit(tmp_path, "Scale a feature, with a newer flight")
    rerun(tmp_path)
    asked = wanted(tmp_path, version)
    assert asked.evaluation.ids is not None
    assert 900 in asked.evaluation.ids
    assert np.isfinite(had(asked).predictions).all()


def test_without_ids_changed_features_cannot_be_compared(tmp_path: Path) -> None:
    flights(tmp_path)
    changed(tmp_path, "trueup.yaml", ", id: flight", "")
    commit(tmp_path, "Name no rows")
    version = delivered(tmp_path)
    changed(tmp_path, "prepare.py", "* 2.0", "* 5.0")
    commit(tmp_path, "Scale a feature")
    rerun(tmp_path)
    assert "without ids" in why(wanted(tmp_path, version))


def test_code_that_fails_on_the_present_input_says_so_with_its_last_line(tmp_path: Path) -> None:
    version = delivered(flights(tmp_path))
    raw = (tmp_path / "raw.csv").read_text()
    (tmp_path / "raw.csv").write_text(raw.replace("miles", "kilometres"))
    changed(tmp_path, "prepare.py", '"miles"', '"kilometres"')
    commit(tmp_path, "Measure as others do")
    rerun(tmp_path)
    said = why(wanted(tmp_path, version))
    assert "'prepare' of version 1" in said
    assert "miles" in said


def test_where_code_and_lock_are_unchanged_a_shallow_clone_is_enough(tmp_path: Path) -> None:
    flights(tmp_path)
    (tmp_path / "requirements.txt").write_text("numpy==1.0 --hash=sha256:00\n")
    commit(tmp_path, "Pin what nobody installs")
    version = delivered(tmp_path)
    gone = structs.replace(version, commit="0123456789" * 4)
    found = had(wanted(tmp_path, gone))
    assert "whose lock file is the same" in found.how


def test_a_model_is_asked_in_this_process_where_it_has_what_the_lock_of_then_pins(
    tmp_path: Path,
) -> None:
    root = flights(tmp_path)
    pinned = ("scikit-learn", "skops", "numpy", "polars")
    lines = [f"{one}=={metadata.version(one)} --hash=sha256:00\n" for one in pinned]
    (root / "requirements.txt").write_text("".join(lines))
    version = delivered(root)
    said = at_training(root)
    (root / "requirements.txt").write_text("numpy==1.0 --hash=sha256:00\n")
    asked = wanted(root, version)
    found = had(asked)
    assert np.array_equal(found.predictions, expected(asked, said))
    assert "here, where all is installed that requirements.txt pins" in found.how
    assert not (root / ".trueup" / "environments").exists()


def test_a_champion_from_before_the_first_lock_file_is_asked_and_that_is_said(
    tmp_path: Path,
) -> None:
    version = delivered(flights(tmp_path))
    (tmp_path / "requirements.txt").write_text("numpy==1.0 --hash=sha256:00\n")
    assert "as its commit has no lock file" in had(wanted(tmp_path, version)).how


def test_a_commit_that_this_clone_does_not_have_is_named(tmp_path: Path) -> None:
    version = delivered(flights(tmp_path))
    gone = structs.replace(version, commit="0123456789" * 4, lineage={})
    assert "git fetch --unshallow" in why(wanted(tmp_path, gone))


def test_the_verified_onnx_form_goes_before_the_model_itself(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="optional: pip install onnxruntime")
    version = delivered(flights(tmp_path))
    said = at_training(tmp_path)
    workspace = Workspace(tmp_path, plain_env())
    assert not convert(workspace, f"late/{version.version}", tmp_path / "late.onnx").record.refused
    asked = wanted(tmp_path, version)
    found = had(asked)
    assert "ONNX" in found.how
    np.testing.assert_allclose(found.predictions, expected(asked, said), atol=1e-6)


def test_kept_predictions_are_believed_in_their_scope_and_on_just_these_rows_only(
    tmp_path: Path,
) -> None:
    version = delivered(flights(tmp_path))
    asked = wanted(tmp_path, version)
    rows, digest = asked.evaluation, version.model.digest
    results, lie = asked.results, np.full(asked.evaluation.frame.height, 0.5)
    theirs = Results(results.content, results.local, None, scope("pr/7"))
    keep_predictions(theirs, digest, rows, lie)
    mine = kept_predictions(theirs, digest, rows)
    assert mine is not None
    assert np.array_equal(mine.array, lie)
    assert kept_predictions(results, digest, rows) is None
    assert not np.array_equal(had(asked).predictions, lie)
    assert rows.ids is not None
    assert kept_predictions(results, digest, replace(rows, ids=rows.ids.reverse())) is None
    assert kept_predictions(results, digest, replace(rows, data="other")) is None
    assert kept_predictions(results, version.code, rows) is None
    assert kept_predictions(results, digest, rows) is not None


def test_a_version_made_with_code_or_a_lock_that_its_commit_does_not_have_is_not_remade(
    tmp_path: Path,
) -> None:
    flights(tmp_path)
    changed(tmp_path, "prepare.py", "* 2.0", "* 7.0")
    rerun(tmp_path)
    changed(tmp_path, "prepare.py", "* 7.0", "* 2.0")
    commit(tmp_path, "What a run of other code has made")
    version = registered(tmp_path)
    changed(tmp_path, "prepare.py", "* 2.0", "* 3.0")
    commit(tmp_path, "Scale a feature")
    rerun(tmp_path)
    assert "a prepare.py that its commit does not have" in why(wanted(tmp_path, version))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_pull_request_that_upgrades_scikit_learn_is_compared_with_the_champion_in_its_own(
    tmp_path: Path,
) -> None:
    python = ".".join(map(str, sys.version_info[:2]))

    def environment(root: Path, release: str) -> dict[str, str]:
        body = (LOCKS / f"scikit-learn-{release}.txt").read_bytes()
        (root / "requirements.txt").write_bytes(body)
        commit(root, f"Take scikit-learn {release}")
        builder = Builder(root=root, own=tmp_path / "trained", env=plain_env())
        lock = Lock(path="requirements.txt", body=body)
        return builder.surroundings(builder.python_of(lock, python))

    root = flights(tmp_path / "project")
    then = environment(root, "1.6.1")
    version = delivered(root, then)
    said = at_training(root)
    now = environment(root, "1.7.2")
    rerun(root, now)
    asked = wanted(root, version, now)
    found = had(asked)
    assert np.array_equal(found.predictions, expected(asked, said))
    assert "scikit-learn 1.6.1" in found.how
    assert "in its own environment" in found.how
    assert len([one for one in (root / ".trueup" / "environments").iterdir() if one.is_dir()]) == 1
    assert evaluated(Workspace(root, now)).data == asked.evaluation.data
