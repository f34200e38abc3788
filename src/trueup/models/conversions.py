"""Converted forms of models: the record of what was compared, beside the version, by digest.

A form stands in for its model only where somebody whose word counts has verified it, so records
lie in scopes, as verdicts do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from trueup.errors import NotProven, WrongUsage
from trueup.models import archives
from trueup.models.artifact import Model, Reading, open_model, verify
from trueup.models.libraries import library
from trueup.models.port import guarded
from trueup.models.signature import Signature
from trueup.models.sniffing import Content
from trueup.store.artifacts import Artifact
from trueup.store.bucket import Bucket, Missing
from trueup.store.scopes import TRUSTED

FORMAT = 1
Target: TypeAlias = Literal["onnx"]


class Bounds(msgspec.Struct, frozen=True):
    """How far a converted form may be from its model, on rows as they come and on probes alike.

    Differences are in units of the largest answer, or of 1 where all answers are smaller.
    """

    difference: float = 1e-5  # the largest of any row
    tolerance: float = 1e-6  # a row differs where it differs by more
    differing: float = 0.001  # the largest share of rows that differ
    decisions: float = 0.0001  # the largest share of rows with another class


class Measured(msgspec.Struct, frozen=True):
    """What was found on rows predicted by both."""

    rows: int
    difference: float | None = 0.0  # None: one answers a number where the other has none
    differing: float = 0.0
    decisions: float = 0.0


class Probed(msgspec.Struct, frozen=True):
    """How many of the trees' thresholds were approached to one ulp."""

    thresholds: int = 0
    probed: int = 0


class Cost(msgspec.Struct, frozen=True):
    """How long a form takes, in microseconds for each row."""

    one_us: float  # a row that comes alone
    many_us: float  # each of 64 that come together

    def __str__(self) -> str:
        return f"{self.one_us:.0f} us a row alone, {self.many_us:.2g} of 64"


class Timings(msgspec.Struct, frozen=True):
    """What both forms took on the machine that converted; a comparison, not a promise."""

    form: Cost
    own: Cost
    format: str  # the model's own

    @property
    def own_is_quicker(self) -> bool:
        """Say whether the model itself took less, alone and together."""
        return self.own.one_us < self.form.one_us and self.own.many_us < self.form.many_us


class Conversion(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model's other form, and what was measured of it; refused where ``artifact`` is None."""

    model: str  # digest of the model that it stands for
    to: Target
    signature: Signature  # how its table is read: vocabularies as the graph numbers them
    bounds: Bounds
    sample: Measured  # rows of the evaluation data
    probes: Measured  # the same with values at thresholds, unseen categories, missing values
    thresholds: Probed = Probed()
    artifact: Artifact | None = None
    refused: tuple[str, ...] = ()  # why, each with its number
    notes: tuple[str, ...] = ()
    made_with: dict[str, str] = {}  # library: version
    timings: Timings | None = None
    format: int = FORMAT

    @property
    def kept(self) -> bool:
        """Say whether the form may stand for its model."""
        return self.artifact is not None and not self.refused


def converted_key(scope: str, model: str, to: Target = "onnx") -> str:
    """Return where the record of a model's other form lies."""
    return f"converted/{scope}/{model}/{to}.json"


def keep_conversion(bucket: Bucket, scope: str, conversion: Conversion) -> None:
    """Store a record; keep its artifact before. A later conversion takes an earlier one's place."""
    key = converted_key(scope, conversion.model, conversion.to)
    bucket.put(key, msgspec.json.encode(conversion), sync=True)


def converted_of(
    bucket: Bucket, model: str, scopes: Sequence[str] = (TRUSTED,), to: Target = "onnx"
) -> Conversion | None:
    """Return the verified form of the model with this digest, if one of the scopes has it.

    Place its artifact (``Results.place``), then open it with open_converted.
    """
    for scope in scopes:
        try:
            found = decode_conversion(bucket.get(converted_key(scope, model, to)))
        except Missing:
            continue
        if found is not None and found.model == model and found.kept:
            return found
    return None


def recorded(
    bucket: Bucket, model: str, scopes: Sequence[str] = (TRUSTED,), to: Target = "onnx"
) -> Conversion | None:
    """Return what is known of a model's other form, also where it was refused."""
    for scope in scopes:
        try:
            found = decode_conversion(bucket.get(converted_key(scope, model, to)))
        except Missing:
            continue
        if found is not None and found.model == model:
            return found
    return None


def session_at(conversion: Conversion, place: Path) -> Any:
    """Return a session of a form that lies at a place, verified by digest; ModelDamaged if broken.

    Opened once: what takes long about a large graph is this.
    """
    from trueup.models.formats.onnx_file import Onnx, graph_in

    assert conversion.artifact is not None  # noqa: S101 - a refused form is nowhere
    verify(place, conversion.artifact)
    content = Content(place)
    archives.inspect(content)
    if not Onnx().detects(content):
        raise NotProven(
            "the converted form is no graph", remedy="Convert it again with: trueup convert",
            place=str(place),
        )  # fmt: skip
    return guarded(lambda: session_of(graph_in(content)), content, "ONNX")


def session_of(body: bytes | str) -> Any:
    """Return a session as a server has it: one thread a call.

    Requests are what runs beside each other; threads of a session's own that wait by spinning
    would take the cores from them.
    """
    runtime = library("onnxruntime", "onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(body, options, providers=["CPUExecutionProvider"])


def open_converted(conversion: Conversion, place: Path) -> Model:
    """Open a form that lies at a place, verified by digest, with the vocabularies it numbers by."""
    if conversion.artifact is None:
        raise WrongUsage(
            "the converted form was refused and is not kept", remedy="Use the model itself"
        )
    features = tuple(field.name for field in conversion.signature.inputs)
    reading = Reading(features, conversion.signature)
    return open_model(place, reading=reading, artifact=conversion.artifact)


def decode_conversion(body: bytes) -> Conversion | None:
    """Return a record, or None for one that this version cannot read: converting again helps."""
    try:
        found = msgspec.json.decode(body, type=Conversion)
    except msgspec.DecodeError:
        return None
    return found if found.format <= FORMAT else None
