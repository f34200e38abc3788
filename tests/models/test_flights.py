"""The example's model loads without ceremony, and its signature holds what it was trained on."""

from pathlib import Path

import numpy as np
import pytest

from tests.examples.flights import script
from trueup.models.artifact import Reading, open_model
from trueup.models.signature import SignatureBroken

pl = pytest.importorskip("polars")
pytest.importorskip("skops")

SETTINGS = {"max_iter": 5, "learning_rate": 0.1, "max_leaf_nodes": 7}
SETTINGS |= {"min_samples_leaf": 5, "seed": 13}
ROWS = 400


def test_the_model_of_the_flights_loads_and_predicts_as_it_was_trained(tmp_path: Path) -> None:
    train = script("train")
    draw = np.random.default_rng(1)
    columns = {name: draw.normal(size=ROWS) for name in train.NUMBERS}
    words = {name: draw.choice([f"{name} a", f"{name} b"], ROWS) for name in train.CATEGORIES}
    frame = pl.DataFrame(words | columns)
    late = columns["dep_minute"] + draw.normal(size=ROWS) > 0
    model = train.untrained(SETTINGS).fit(frame, late)
    script("model_file").save(model, tmp_path / "model.skops")

    found = open_model(tmp_path / "model.skops")
    assert found.inputs == tuple(train.CATEGORIES + train.NUMBERS)
    answer, _ = found.predict(frame.with_columns(flight_id=pl.lit("not a feature")))
    np.testing.assert_array_equal(answer.column("score"), model.predict_proba(frame)[:, 1])

    signature = found.describe(frame)
    words_of = {field.name: field.vocabulary for field in signature.inputs if field.vocabulary}
    assert words_of == {name: (f"{name} a", f"{name} b") for name in train.CATEGORIES}
    assert [(one.name, one.type) for one in signature.outputs] == [
        ("prediction", "boolean"),
        ("score", "number"),
    ]
    checked = open_model(tmp_path / "model.skops", reading=Reading(signature=signature))
    with pytest.raises(SignatureBroken, match=r"- carrier: .* missing(.|\n)*- temp: it is text"):
        checked.predict(frame.drop("carrier").with_columns(temp=pl.lit("mild")))
