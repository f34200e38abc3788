"""PyTorch modules on tables: columns become tensors, what comes back becomes columns."""

import warnings
from typing import Any

import numpy as np

from trueup.models.outputs import Outputs, named
from trueup.models.port import ModelRefused
from trueup.models.tables import Table


class Network:
    """A module in evaluation mode that takes one matrix of float32, or a tensor a column."""

    numbers_only = True

    def __init__(self, torch: Any, module: Any, arguments: tuple[str, ...]) -> None:
        self._torch = torch
        self._module = module
        self._by_column = len(arguments) > 1
        self.inputs: tuple[str, ...] = arguments if self._by_column else ()

    def predict(self, table: Table) -> Outputs:
        """Return what the module answers; a dict of tensors brings its own names."""
        if self._by_column:
            given = [self._torch.from_numpy(_whole(table.column(one))) for one in self.inputs]
        else:
            given = [self._torch.from_numpy(table.matrix().astype(np.float32))]
        with self._torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return named(_arrays(self._module(*given)))


def _whole(column: Any) -> Any:
    if column.dtype == np.float64:
        column = column.astype(np.float32)
    return np.array(column)  # torch wants memory that it may write


def _arrays(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: one.detach().numpy() for name, one in answer.items()}
    if isinstance(answer, list | tuple):
        if len(answer) != 1:
            raise ModelRefused(
                f"the module answers {len(answer)} tensors without names",
                remedy="Let forward return one tensor, or a dict of named tensors",
            )
        answer = answer[0]
    return answer.detach().numpy()
