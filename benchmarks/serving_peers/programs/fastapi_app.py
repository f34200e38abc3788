"""FastAPI as its documentation writes it: a model of the request, a plain function."""

from importlib import import_module
from typing import Any

import numpy as np
from predictor import predictor  # type: ignore[import-not-found]  # beside this program

fastapi: Any = import_module("fastapi")  # it has an environment of its own
pydantic: Any = import_module("pydantic")
FEATURES = 20
Row = pydantic.create_model("Row", **{f"x{k}": (float, ...) for k in range(FEATURES)})
Asked = pydantic.create_model("Asked", records=(list[Row], ...))  # type: ignore[valid-type]  # made above
app = fastapi.FastAPI()
predict_rows = predictor()


def predict(asked: Asked) -> dict[str, list[float]]:  # type: ignore[valid-type]  # made above
    rows: Any = asked.records  # type: ignore[attr-defined]
    matrix = np.array([list(row.__dict__.values()) for row in rows])
    return {"predictions": predict_rows(matrix).tolist()}


app.post("/predict")(predict)
