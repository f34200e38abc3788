"""An ONNX graph while it is written: nodes, constants, and where each column comes from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from trueup.errors import WrongUsage
from trueup.models.libraries import library

ML = "ai.onnx.ml"
OPSET, TREES_OPSET, OTHERS_ML_OPSET = 18, 5, 3
IR_VERSION = 10  # what onnxruntime 1.21 reads, the first that walks trees in doubles
UNSEEN = -1  # the code of a category outside the vocabulary


class NotConvertible(WrongUsage):
    """A model, or a part of one, that has no form here that is known to answer the same."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"it cannot be converted: {why}",
            remedy="Use the model as it is; what can be converted is in docs/reference/models.md",
        )
        self.why = why


class TookTooLong(NotConvertible):
    """A conversion that was given up, as it was not done in time."""


class Source(msgspec.Struct, frozen=True):
    """The column of the table that a column of a tensor is: (it - shift) / scale."""

    field: str
    codes: tuple[str, ...] | None = None  # the vocabulary of a category; None: a number
    shift: float = 0.0
    scale: float = 1.0

    def scaled(self, shift: float, scale: float) -> "Source":
        """Return what it is once more is subtracted and divided by."""
        return Source(self.field, None, self.shift + shift * self.scale, self.scale * scale)

    @property
    def is_text(self) -> bool:
        """Say whether its numbers are codes of categories."""
        return self.codes is not None


class Flow(msgspec.Struct, frozen=True):
    """A tensor of rows by columns, and the table's column that each is; None: it is derived."""

    tensor: str
    columns: tuple[Source | None, ...]

    @property
    def has_text(self) -> bool:
        """Say whether one of the columns is a category that nothing has encoded yet."""
        return any(one is not None and one.is_text for one in self.columns)


class Graph:
    """Collects nodes and constants; all numbers are doubles.

    ``look`` is called again and again while it is written, and may raise where time is up.
    """

    def __init__(self, look: Callable[[], None] = lambda: None) -> None:
        self.look = look
        self._onnx = library("onnx", "onnx", extra=False)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[str] = []
        self.outputs: dict[str, tuple[str, Any]] = {}
        self.forests: list[tuple[Any, Flow]] = []  # what is probed at its thresholds
        self._count = 0

    def fresh(self) -> str:
        """Return a name that nothing has yet."""
        self._count += 1
        return f"~{self._count}"

    def add(self, op: str, given: Sequence[str], domain: str = "", **attributes: Any) -> str:
        """Add a node with one output and return its name."""
        self.look()
        found = self.fresh()
        node = self._onnx.helper.make_node(
            op, list(given), [found], name=found, domain=domain, **attributes
        )  # named, as passes of onnxruntime name what they put in their place
        self.nodes.append(node)
        return found

    def constant(self, given: Any) -> str:
        """Add an array and return its name."""
        name = self.fresh()
        array = np.asarray(given)
        array = array.astype(object) if array.dtype.kind == "U" else array
        self.constants.append(self.tensor(array, name))
        return name

    def tensor(self, array: Any, name: str = "") -> Any:
        """Return an array as ONNX stores it."""
        return self._onnx.numpy_helper.from_array(np.asarray(array), name)

    def cast(self, given: str, dtype: Any) -> str:
        """Change the type of a tensor's numbers."""
        kind = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", [given], to=kind)

    def rounded(self, flow: Flow) -> Flow:
        """Round numbers to single precision, as models do that compare in it."""
        single = self.cast(flow.tensor, np.float32)
        return Flow(self.cast(single, np.float64), flow.columns)

    def chosen(self, flow: Flow, places: Sequence[int]) -> Flow:
        """Return these columns of a tensor."""
        if list(places) == list(range(len(flow.columns))):
            return flow
        index = self.constant(np.array(places, dtype=np.int64))
        picked = self.add("Gather", [flow.tensor, index], axis=1)
        return Flow(picked, tuple(flow.columns[place] for place in places))

    def joined(self, flows: Sequence[Flow]) -> Flow:
        """Put tensors side by side."""
        if len(flows) == 1:
            return flows[0]
        tensor = self.add("Concat", [one.tensor for one in flows], axis=1)
        return Flow(tensor, tuple(column for one in flows for column in one.columns))

    def column(self, tensor: str, place: int) -> str:
        """Return one column of a tensor, as rows alone."""
        return self.add("Gather", [tensor, self.constant(np.int64(place))], axis=1)

    def table(self, sources: Sequence[Source]) -> Flow:
        """Declare one input a column and return them side by side."""
        self.inputs += [one.field for one in sources]
        return self.joined([Flow(one.field, (one,)) for one in sources])

    def answer(self, name: str, tensor: str, dtype: Any) -> None:
        """Declare an output of one value a row."""
        flat = self.add("Reshape", [tensor, self.constant(np.array([-1], dtype=np.int64))])
        self.outputs[name] = (flat, np.dtype(dtype))

    def model(self, beside: Mapping[str, str] | None = None) -> bytes:
        """Return the whole as a model; beside names tensors to answer besides."""
        helper = self._onnx.helper
        number = self._onnx.TensorProto.DOUBLE
        inputs = [helper.make_tensor_value_info(one, number, [None, 1]) for one in self.inputs]
        nodes, outputs = list(self.nodes), []
        said = self.outputs | {
            name: (tensor, np.dtype(np.float64)) for name, tensor in (beside or {}).items()
        }
        for name, (tensor, dtype) in said.items():
            if name in self.inputs:
                raise NotConvertible(f"the table has a column {name!r}, as an answer is called")
            kind = helper.np_dtype_to_tensor_dtype(dtype)
            shape = [None, None] if beside and name in beside else [None]
            outputs.append(helper.make_tensor_value_info(name, kind, shape))
            nodes.append(helper.make_node("Identity", [tensor], [name]))
        graph = helper.make_graph(nodes, "trueup", inputs, outputs, self.constants)
        trees = any(one.op_type == "TreeEnsemble" for one in nodes)
        opsets = [
            helper.make_opsetid("", OPSET),
            helper.make_opsetid(ML, TREES_OPSET if trees else OTHERS_ML_OPSET),
        ]
        made = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="trueup"
        )
        body: bytes = made.SerializeToString(deterministic=True)
        return body
