"""BentoML as its documentation writes it: a service with one function of an array."""

import os
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from predictor import predictor  # type: ignore[import-not-found]  # beside this program

bentoml: Any = import_module("bentoml")  # it has an environment of its own


class Model:
    def __init__(self) -> None:
        self.predict_rows = predictor()

    def predict(self, rows: np.ndarray) -> np.ndarray:
        answered: NDArray[Any] = self.predict_rows(rows)
        return answered


Model.predict = bentoml.api(Model.predict)  # type: ignore[method-assign]  # what @ does
Service = bentoml.service(workers=int(os.environ["BENCH_WORKERS"]))(Model)
