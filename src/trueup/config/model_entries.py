"""The grammar of models: what to evaluate, gate, serve and monitor."""

from typing import Annotated, Any, Literal

from msgspec import field

from trueup.config.loop_entries import LoopEntry
from trueup.config.sections import Section
from trueup.config.shapes import Amount
from trueup.config.units import DURATION, PERCENT, RATE, Rate

SHARE = Amount(least=0, most=1)
WITHIN = Amount(above=0, below=1)
NOT_NEGATIVE = Amount(least=0)
COUNT = Amount(whole=True, least=0)
POSITIVE = Amount(whole=True, least=1)


class MetricCall(Section, frozen=True):
    """A metric of the project's own."""

    call: Annotated[str, 'a function, as "module:function"']
    per: Annotated[Literal["row", "group", "table"], "what one call is given"] = "row"


class EvaluateEntry(Section, frozen=True):
    """What the model is evaluated on."""

    at_least_one = ("data", "predictions")

    data: Annotated[str, "the test table; without it, the predictions are the table"] = ""
    target: Annotated[str, "the column to predict"] = ""
    id: Annotated[str, "the column that names a row"] = ""
    time: Annotated[str, "the column with the row's time"] = ""
    group: Annotated[str, "the column whose equal values make rows dependent"] = ""
    slices: Annotated[tuple[str, ...], "columns whose values are also judged one by one"] = ()
    predictions: Annotated[str, "a file with predictions, instead of running the model"] = ""
    holdout: Annotated[Literal["open", "sealed"], "who may read the rows"] = "open"
    series: Annotated[str | tuple[str, ...], "columns that name a series of a forecast"] = ""
    horizon: Annotated[str | int, "how far a forecast looks"] = ""
    cutoff: Annotated[Any, "where a forecast's history ends"] = None


class RuleEntry(Section, frozen=True):
    """One thing a candidate must show."""

    at_least_one = ("at_least", "at_most", "versus", "better")

    metric: Annotated[str | MetricCall, "a metric's name, or a function of the project"]
    at_least: Annotated[float | None, "the value it must reach"] = None
    at_most: Annotated[float | None, "the value it must not exceed"] = None
    versus: Annotated[str, "the version to compare with, such as champion"] = ""
    margin: Annotated[float | None, NOT_NEGATIVE, "how much worse it may be"] = None
    better: Annotated[bool, "it must be better, not merely no worse"] = False
    each: Annotated[str, "a column: the rule holds for each of its values"] = ""
    evidence: Annotated[
        Literal["interval", "point"], "the bound of an interval, or the measured value itself"
    ] = "interval"
    question: Annotated[
        Literal["non_inferior", "harm"] | None,
        "non_inferior: show that it is no worse; harm: block only what is shown worse, "
        "as rules with each do if not told otherwise",
    ] = None
    min_rows: Annotated[int, COUNT, "the fewest rows that can decide it"] = 0
    min_events: Annotated[int, COUNT, "the fewest rows of the rarer class that can decide it"] = 0
    min_groups: Annotated[int, COUNT, "the fewest groups that can decide it"] = 0
    on_inconclusive: Annotated[
        Literal["block", "person", "promote"] | None, "what then; as the gate says if not given"
    ] = None


class GateEntry(Section, frozen=True):
    """What a candidate must show before it may be promoted."""

    mode: Annotated[Literal["off", "warn", "enforce"], "whether a failure stops anything"] = (
        "enforce"
    )
    confidence: Annotated[float, WITHIN, "of each one-sided bound"] = 0.95
    on_inconclusive: Annotated[
        Literal["block", "person", "promote"], "what happens when the data cannot decide"
    ] = "block"
    reuse: Annotated[int, POSITIVE, "how many candidates these rows are planned for"] = 20
    spending: Annotated[Literal["series", "even"], "how the error is spent over them"] = "series"
    margin_total: Annotated[
        float | None, NOT_NEGATIVE, "how much worse all promotions together may make it"
    ] = None
    rules: Annotated[tuple[RuleEntry, ...], "all of them must pass"] = ()


class ChallengerEntry(Section, frozen=True):
    """How a version on trial gets traffic."""

    share: Annotated[float, SHARE, "the part of the requests it answers, 0 to 1"] = 0.0
    sticky_by: Annotated[str, "the column whose equal values meet the same version"] = ""
    shadow: Annotated[bool, "it predicts all requests and answers none"] = False
    explore: Annotated[float, PERCENT, "the share answered at random, such as 1%"] = 0.0


class CaptureEntry(Section, frozen=True):
    """What is kept of served predictions."""

    redact: Annotated[tuple[str, ...], "columns that are never kept"] = ()
    sample: Annotated[float, SHARE, "the part that is kept, 0 to 1"] = 1.0
    spool: Annotated[str, "the local folder they are written to first"] = ""


class ServeEntry(Section, frozen=True):
    """How the model is served."""

    challenger: Annotated[ChallengerEntry | None, "how a version on trial gets traffic"] = None
    capture: Annotated[CaptureEntry, "what is kept of served predictions"] = CaptureEntry()
    strict: Annotated[bool, "refuse what is flagged: unseen, null, out of range"] = False
    poll: Annotated[float, DURATION, "how often the alias is looked up"] = 5.0
    limits: Annotated[dict[str, Any], "bounds on requests"] = field(default_factory=dict)
    auth: Annotated[dict[str, Any], "who may ask"] = field(default_factory=dict)


class DriftEntry(Section, frozen=True):
    """When inputs count as changed."""

    min_effect: Annotated[float | None, NOT_NEGATIVE, "the smallest change that matters"] = None
    seasonal: Annotated[str, "what the reference repeats by, such as weekday"] = ""
    detectors: Annotated[tuple[str, ...], "further detectors, such as river.adwin"] = ()


class SkewEntry(Section, frozen=True):
    """What served inputs are compared with, id by id."""

    table: Annotated[str, "what the pipeline computes for the ids that are served"]
    id: Annotated[str, "the column of its ids, if not evaluate.id"] = ""
    columns: Annotated[tuple[str, ...], "the inputs to compare, if not all that it has"] = ()
    share: Annotated[float, SHARE, "which share of a column's values may differ, 0 to 1"] = 0.001
    relative: Annotated[
        float, NOT_NEGATIVE, "how far apart numbers may be, as a share of the larger"
    ] = 1e-6
    absolute: Annotated[float, NOT_NEGATIVE, "how far apart numbers may be besides"] = 0.0


class LabelsEntry(Section, frozen=True):
    """When the truth is complete."""

    mature_after: Annotated[float | None, DURATION, "the age at which labels are complete"] = None
    observed_if: Annotated[Any, "which predictions ever get a label"] = None
    propensity: Annotated[Any, "how likely each of them gets one"] = None


class PerformanceEntry(Section, frozen=True):
    """What is measured once labels are there."""

    metric: Annotated[str | MetricCall, "the metric to watch"] = ""
    labels: Annotated[LabelsEntry, "when the truth is complete"] = LabelsEntry()


class MonitorEntry(Section, frozen=True):
    """How the model in production is watched."""

    window: Annotated[float, DURATION, "the span that is checked as one"] = 86400.0
    lateness: Annotated[float, DURATION, "how long a window waits for late captures"] = 3600.0
    false_alarms: Annotated[Rate, RATE, "the rate of false alarms that is accepted"] = Rate(
        1.0, 90 * 86400.0
    )
    context: Annotated[tuple[str, ...], "what explains a change away, such as month"] = ()
    drift: Annotated[DriftEntry, "when inputs count as changed"] = DriftEntry()
    performance: Annotated[PerformanceEntry, "what is measured once labels are there"] = (
        PerformanceEntry()
    )
    skew: Annotated[SkewEntry | None, "what served inputs are compared with, id by id"] = None


class TrustEntry(Section, frozen=True):
    """What may be loaded of a model file."""

    pickle: Annotated[bool, "load pickles, which can run any code"] = False
    skops: Annotated[tuple[str, ...], "further types that skops may load"] = ()
    code: Annotated[tuple[str, ...], "module:Class, whose code packed with the model may run"] = ()


class ModelEntry(Section, frozen=True):
    """One model of the project."""

    path: Annotated[str, "the output that is the model; none: predictions alone are judged"] = ""
    task: Annotated[
        Literal["binary", "multiclass", "multilabel", "regression", "ranking", "forecast"] | None,
        "what it predicts",
    ] = None
    features: Annotated[tuple[str, ...], "its input columns, if not all but target, id, time"] = ()
    seen: Annotated[tuple[str, ...], "the tables whose rows it has been trained on"] = ()
    trust: Annotated[TrustEntry, "what may be loaded of its file"] = TrustEntry()
    evaluate: Annotated[EvaluateEntry | None, "what it is evaluated on"] = None
    gate: Annotated[GateEntry, "what a candidate must show"] = GateEntry()
    promote: Annotated[Literal["on_pass", "manual"], "what `trueup run` does on a pass"] = "on_pass"
    convert: Annotated[
        Literal["auto", "off"], "whether a new version is also kept as ONNX, which answers quicker"
    ] = "auto"
    serve: Annotated[ServeEntry, "how it is served"] = ServeEntry()
    monitor: Annotated[MonitorEntry | None, "how it is watched"] = None
    loop: Annotated[LoopEntry | None, "when it is retrained, and what follows"] = None
