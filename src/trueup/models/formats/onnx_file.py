"""ONNX through onnxruntime; what a graph keeps in other files must lie in its own folder."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from trueup.models.archives import climbs
from trueup.models.formats.onnx_bytes import NotAGraph, external_locations, looks_like_a_model
from trueup.models.libraries import library
from trueup.models.outputs import Outputs, scores, values
from trueup.models.port import Loaded, ModelDamaged, ModelRefused, Trust, guarded
from trueup.models.sniffing import Content
from trueup.models.tables import Table

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


class Onnx:
    """A file with a graph, or a folder with one such file and its external data."""

    name = "ONNX"

    def detects(self, content: Content) -> bool:
        """Read the first fields, as ONNX has no mark; in a folder, of the files at its top."""
        return bool(_graphs(content))

    def load(self, content: Content, trust: Trust) -> Loaded:
        """Load a graph after its references to other files have been followed on paper."""
        runtime = library("onnxruntime", "onnxruntime")
        source = graph_in(content)
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        session = guarded(
            lambda: runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"]),
            content,
            self.name,
        )
        return Graph(session)


def graph_in(content: Content) -> bytes | str:
    """Return a graph's bytes, or its path where it keeps data in other files of its own folder.

    ModelRefused for references out of it, ModelDamaged for what is no graph; nothing was loaded.
    """
    graph, *others = _graphs(content)
    if others:
        raise ModelRefused(
            f"the folder has {len(others) + 1} graphs", remedy="Keep one model in a folder",
            place=os.fspath(content.place),
        )  # fmt: skip
    body = graph.read_bytes()
    try:
        locations = external_locations(body)
    except NotAGraph as error:
        raise ModelDamaged(
            f"it begins like a model of ONNX but cannot be read as one: {error}",
            remedy="Make it again: trueup run, or fetch it again: trueup pull",
            place=os.fspath(content.place),
        ) from error
    _refuse_outside(locations, graph, content)
    return os.fspath(graph) if locations else body


class Graph:
    """A session: one matrix of all columns, or an input a column."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._given = session.get_inputs()
        first = self._given[0].shape if self._given else []
        self._matrix = len(self._given) == 1 and len(first) == 2 and first[1] != 1
        self._wide = first[1] if self._matrix and isinstance(first[1], int) else 0
        self.inputs: tuple[str, ...] = (
            () if self._matrix else tuple(one.name for one in self._given)
        )
        self.numbers_only = all(one.type != "tensor(string)" for one in self._given)

    def predict(self, table: Table) -> Outputs:
        """Return the graph's outputs; a label and its probabilities are named as elsewhere."""
        if self._matrix:
            feed = {self._given[0].name: self._all(table)}
        else:
            feed = {one.name: _as(one, table.column(one.name)) for one in self._given}
        names = [one.name for one in self._session.get_outputs()]
        return _answered(names, self._session.run(names, feed))

    def _all(self, table: Table) -> Any:
        if self._wide not in (0, len(table.names)):
            raise ValueError(
                f"the graph takes {self._wide} columns, the table has {len(table.names)}"
            )
        kind = _TYPES.get(self._given[0].type, np.float32)
        if kind is np.object_:
            return np.column_stack([_texts(one) for one in table.columns().values()])
        return table.matrix().astype(kind)


def _graphs(content: Content) -> list[Path]:
    if not content.folder:
        return [content.place] if looks_like_a_model(content.opening) else []
    files = [one for one in sorted(content.place.iterdir()) if one.is_file()]
    return [one for one in files if looks_like_a_model(Content(one).opening)]


def _refuse_outside(locations: list[str], graph: Path, content: Content) -> None:
    top = content.place.resolve() if content.folder else None
    for location in locations:
        target = (graph.parent / location).resolve()
        outside = climbs(location) or (top is not None and not target.is_relative_to(top))
        if outside:
            raise ModelRefused(
                f"its graph reads data outside its folder: {location[:100]!r}; nothing was read",
                remedy="No exporter writes such a path by itself; find out who made this file",
                place=os.fspath(content.place),
            )
        if top is None:
            raise ModelRefused(
                f"its graph keeps data in another file, {location[:100]!r}, which is not part "
                "of the model",
                remedy="Name the folder that holds both as the model's path",
                place=os.fspath(content.place),
            )
        if not target.is_file():
            raise ModelDamaged(
                f"its graph keeps data in {location[:100]!r}, which is not there",
                remedy="Make it again: trueup run, or fetch it again: trueup pull",
                place=os.fspath(content.place),
            )


def _texts(column: Any) -> Any:
    """Give a graph texts; it knows no missing ones, so they are empty."""
    return np.array(["" if one is None else str(one) for one in column.tolist()], dtype=object)


def _as(given: Any, column: Any) -> Any:
    kind = _TYPES.get(given.type, np.float32)
    values_ = _texts(column) if kind is np.object_ else column.astype(kind)
    return values_.reshape(-1, 1) if len(given.shape) == 2 else values_


def _answered(names: list[str], answers: list[Any]) -> Outputs:
    if len(answers) == 2 and np.ndim(answers[0]) == 1 and _is_scores(answers[1]):
        return values(answers[0]) | _scores(answers[1])
    if len(answers) == 1:
        return values(answers[0], names[0] if names[0].startswith("score") else "prediction")
    found: Outputs = {}
    for name, answer in zip(names, answers, strict=True):
        found |= values(answer, name)
    return found


def _is_scores(answer: Any) -> bool:
    if isinstance(answer, list):
        return all(isinstance(one, dict) for one in answer)
    return np.ndim(answer) == 2 and np.asarray(answer).dtype.kind == "f"


def _scores(answer: Any) -> Outputs:
    """Name scores by their classes where the graph says them, else by their places."""
    if isinstance(answer, list):
        classes = list(answer[0]) if answer else [0, 1]
        answer = np.array([[row[one] for one in classes] for row in answer], dtype=np.float32)
        answer = answer.reshape(-1, len(classes))
    else:
        classes = list(range(answer.shape[1]))
    return scores(answer, classes) if len(classes) > 1 else values(answer, "score")
