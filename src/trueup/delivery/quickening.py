"""A new version's quicker form, made along with it: its champion is served well unasked."""

from collections.abc import Callable

from trueup.delivery.subject import Candidate, Subject
from trueup.errors import TrueupError
from trueup.models.conversions import recorded
from trueup.models.libraries import lacking_for
from trueup.models.port import short
from trueup.registry.records import Registered

WITHIN_S = 30.0
THRESHOLDS = 2_000  # that are approached; by hand it is more
LARGEST_BYTES = 256 << 20  # of a model that is converted unasked
_FORMATS = ("skops", "pickle", "LightGBM", "XGBoost", "MLflow")
_EXTRA = "pip install 'trueup[convert]'"


def quicken(subject: Subject, version: Registered, tell: Callable[[str], None]) -> None:
    """Keep a version as ONNX too, where that is asked for and can be done; else tell why not.

    Whatever goes wrong with it is recorded with the model, is not tried again, and stops nothing.
    """
    if subject.entry.convert == "off" or "signature" not in version.parts:
        return
    bucket = subject.results.remote or subject.results.local
    if recorded(bucket, version.model.digest, subject.scope.reads) is not None:
        return
    kind = _format(subject)
    if kind not in _FORMATS:
        return
    why = _why_not(kind, version) or _converted(subject, version)
    if why:
        tell(f"is served as {kind}, by its own library: {why}")


def _converted(subject: Subject, version: Registered) -> str:
    """Convert, and keep what came of it; return why there is no such form."""
    from trueup.delivery.converting import convert, failed, keep
    from trueup.models.converters.graph import NotConvertible
    from trueup.models.converting import Effort

    candidate = Candidate(version.model, version.code, version)
    try:
        form = convert(subject, candidate, Effort(WITHIN_S, THRESHOLDS))
    except NotConvertible as error:
        form = failed(candidate, error.why)
    except TrueupError as error:
        form = failed(candidate, error.problem)
    except Exception as error:  # noqa: BLE001 - what trips over a model costs no run its verdict
        form = failed(candidate, f"converting it fails with {type(error).__name__}: {short(error)}")
    record = keep(subject, form)
    return record.refused[0] if record.refused else ""


def _format(subject: Subject) -> str:
    from trueup.models.detection import FormatUnknown, detect
    from trueup.models.sniffing import Content

    try:
        return detect(Content(subject.root / subject.entry.path)).name
    except FormatUnknown:
        return ""


def _why_not(kind: str, version: Registered) -> str:
    """Return why nothing is tried; with the libraries, or by hand, it can be done later."""
    lacking = lacking_for(kind, "onnx", "onnxruntime")
    if lacking:
        return f"to convert it, {' and '.join(lacking)} must be installed: {_EXTRA}"
    if version.model.size_bytes > LARGEST_BYTES:
        size = version.model.size_bytes / (1 << 20)
        return f"it has {size:.0f} MB, and is converted by hand: trueup convert"
    return ""
