"""Convert a model to ONNX and keep it only where it answers as the model does.

Graphs are of doubles and see numbers alone: categories are encoded from the vocabulary in the
signature, which is widened by what the model's own encoders know. Nothing here knows a project.
"""

import math
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
import numpy as np

from trueup import clock
from trueup.errors import WrongUsage
from trueup.models.artifact import Model, Reading
from trueup.models.conversions import (
    Bounds,
    Conversion,
    Measured,
    Probed,
    Timings,
    session_of,
)
from trueup.models.converters import comparing, probing, vocabularies
from trueup.models.converters.graph import Flow, Graph, NotConvertible, Source, TookTooLong
from trueup.models.libraries import library
from trueup.models.port import ModelFailed
from trueup.models.signature import Signature, encode
from trueup.models.tables import Table, listed
from trueup.models.timing import MANY, cost_of

SAMPLE_ROWS = 10_000
_LIBRARIES = ("onnx", "onnxruntime", "skl2onnx", "scikit-learn", "lightgbm", "xgboost")
_PARTIAL = "trueup-given-"


class Effort(msgspec.Struct, frozen=True):
    """How long a conversion may take, and how many thresholds are approached at most."""

    within_s: float = math.inf
    thresholds: int = probing.MOST_THRESHOLDS


_ALL = Effort()


class Converted(msgspec.Struct, frozen=True):
    """A graph, and the record of its comparison, which says whether it may be kept."""

    record: Conversion
    graph: bytes


def convert(
    model: Model,
    sample: Table,
    digest: str,
    bounds: Bounds | None = None,
    effort: Effort = _ALL,
) -> Converted:
    """Make a model's ONNX form and compare it on a table and on rows made to tell them apart.

    Raises NotConvertible where no form is known, or none was made in time; one that is made but
    answers otherwise comes back with the reasons in ``record.refused``. The sample is of the
    evaluation data, columns as the model takes them.
    """
    look = _until(effort.within_s)
    bounds = bounds or Bounds()
    sample = thinned(sample.select(model.inputs or sample.names))
    if sample.rows == 0:
        raise WrongUsage("no row to compare on", remedy="Give a table of evaluation data with rows")
    said = model.predict(sample)[0]
    signature = vocabularies.widened(model, sample, said)
    graph = Graph(look)
    sources = [_source(field.name, field, sample) for field in signature.inputs]
    writer(model)(graph, graph.table(sources), said.columns())
    body = graph.model()
    form = _opened(body, signature)
    model = Model(model.format, model.loaded, Reading(sample.names, _loose(model.signature)))
    changes, thresholds = _probes(graph, sources, (sample, effort.thresholds), signature)
    pairs, more, less = _predicted(model, form, sample, changes, look)
    found = form.predict(sample)[0]
    if set(found.names) != set(said.names):
        raise NotConvertible(f"the graph answers {found.names}, the model {said.names}")
    rows = comparing.compared([(said, found)], bounds)
    probes = comparing.compared(pairs, bounds)
    refused = _refused(rows, probes, bounds, less)
    notes = [f"the model refuses what the graph answers: {listed(more)}"] if more else []
    record = Conversion(
        model=digest,
        to="onnx",
        signature=signature,
        bounds=bounds,
        sample=rows,
        probes=probes,
        thresholds=thresholds,
        refused=tuple(refused),
        notes=tuple(notes),
        made_with=_versions(),
        timings=None if refused else _timings(model, body, signature, sample),
    )
    return Converted(record, body)


def _refused(rows: Measured, probes: Measured, bounds: Bounds, less: list[str]) -> list[str]:
    """Return why a form is not kept; nothing where it answers as the model does."""
    refused = comparing.refusals("rows of the evaluation data", rows, bounds)
    refused += comparing.refusals("rows at thresholds and categories", probes, bounds)
    if less:
        refused.append(f"the graph fails where the model answers: {listed(less)}")
    return refused


def _timings(model: Model, body: bytes, signature: Signature, sample: Table) -> Timings:
    """Ask both as a server would: the graph for numbers, the model for columns."""
    session = session_of(body)
    columns = sample.columns()
    places = [np.zeros(1, dtype=np.int64), np.arange(MANY) % sample.rows]
    one, many = (Table({name: of[rows] for name, of in columns.items()}) for rows in places)

    def feed(table: Table) -> dict[str, Any]:
        coded = encode(signature, table)
        names = [field.name for field in signature.inputs]
        return {name: coded.column(name).astype(np.float64).reshape(-1, 1) for name in names}

    form = cost_of(lambda given: session.run(None, given), feed(one), feed(many))
    return Timings(form, cost_of(model.predict, one, many), model.format)


def _until(within_s: float) -> Callable[[], None]:
    end_s = clock.monotonic_s() + within_s

    def look() -> None:
        if clock.monotonic_s() > end_s:
            raise TookTooLong(f"it takes longer than {within_s:.0f} s")

    return look


def writer(model: Model) -> Callable[[Graph, Flow, Any], None]:
    """Return what writes a model of its format into a graph."""
    from trueup.models.converters.formats import written

    loaded, format_name = model.loaded, model.format
    return lambda graph, flow, said: written(graph, (format_name, loaded), flow, said)


def thinned(table: Table, rows: int = SAMPLE_ROWS) -> Table:
    """Return at most so many rows, evenly from first to last."""
    if table.rows <= rows:
        return table
    places = np.linspace(0, table.rows - 1, rows).astype(np.int64)
    return Table({name: column[places] for name, column in table.columns().items()})


def _source(name: str, field: Any, sample: Table) -> Source:
    if field.vocabulary:
        return Source(name, field.vocabulary)
    column = sample.column(name)
    if field.type in ("text", "time", "other") and column.dtype.kind not in "biuf":
        raise NotConvertible(f"the column {name!r} holds {field.type}, and a graph takes numbers")
    return Source(name)


def _opened(body: bytes, signature: Signature) -> Model:
    """Open a graph that was just written, in memory."""
    from trueup.models.formats.onnx_file import Graph as Session

    features = tuple(field.name for field in signature.inputs)
    return Model("ONNX", Session(_session(body)), Reading(features, _loose(signature)))


def _loose(signature: Signature | None) -> Signature | None:
    """Let probes put fractions where whole numbers are; only vocabularies count here."""
    if signature is None:
        return None
    fields = [
        msgspec.structs.replace(one, type="number") if one.type in ("integer", "boolean") else one
        for one in signature.inputs
    ]
    return msgspec.structs.replace(signature, inputs=tuple(fields))


def _session(body: bytes) -> Any:
    runtime = library("onnxruntime", "onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(body, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises what it likes
        raise NotConvertible(f"onnxruntime cannot run the graph: {str(error)[:200]}") from error


def _probes(
    graph: Graph, sources: list[Source], given_rows: tuple[Table, int], signature: Signature
) -> tuple[list[tuple[probing.Change, ...]], Probed]:
    """Return changed rows in groups: where the model itself cannot take a group, it is left out."""
    sample, most = given_rows
    few = thinned(sample, 2_000)
    beside = {f"{_PARTIAL}{k}": flow.tensor for k, (_, flow) in enumerate(graph.forests)}
    asked = []
    if beside:
        session = _session(graph.model(beside))
        coded = encode(signature, few)
        feed = {name: coded.column(name).astype(np.float64).reshape(-1, 1) for name in graph.inputs}
        try:
            given = session.run(list(beside), feed)
        except Exception as error:  # onnxruntime raises what it likes
            raise NotConvertible(f"the graph fails on the rows: {str(error)[:200]}") from error
        asked = [
            probing.Asked(forest, flow, matrix)
            for (forest, flow), matrix in zip(graph.forests, given, strict=True)
        ]
    thresholds = probing.at_thresholds(asked, most, graph.look)
    places = np.linspace(0, sample.rows - 1, few.rows).astype(np.int64)
    groups = [
        tuple(msgspec.structs.replace(one, row=int(places[one.row])) for one in thresholds.changes),
        *(
            put(source, sample.rows)
            for put in (probing.at_categories, probing.unseen, probing.without_value)
            for source in sources
        ),
    ]
    return [one for one in groups if one], Probed(thresholds.count, thresholds.probed)


def _predicted(
    model: Model,
    form: Model,
    sample: Table,
    groups: list[tuple[probing.Change, ...]],
    look: Callable[[], None],
) -> tuple[list[tuple[Table, Table]], list[str], list[str]]:
    """Let both predict every group; also what only the graph takes, and what only the model."""
    pairs, more, less = [], [], []
    for group in groups:
        look()
        table = probing.changed(sample, group)
        said, found = _asked(model, table), _asked(form, table)
        if said is not None and found is not None:
            pairs.append((said, found))
        elif said is not None:
            less.append(_named(group))
        elif found is not None:
            more.append(_named(group))
    return pairs, more, less


def _asked(model: Model, table: Table) -> Table | None:
    try:
        return model.predict(table)[0]
    except ModelFailed:
        return None


def _named(group: tuple[probing.Change, ...]) -> str:
    fields = listed(list(dict.fromkeys(one.field for one in group)))
    value = group[0].value
    missing = value is None or value != value
    return f"missing values in {fields}" if missing else f"values like {value!r} in {fields}"


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
