"""GitLab's metrics report, in OpenMetrics' text: it shows what a merge request changes."""

import math
from collections.abc import Iterator, Sequence

from trueup.ci.results.result import Result
from trueup.reporting.wording import visible

NAME = "trueup_metric"


def metrics_report(results: Sequence[Result]) -> str:
    """Return each number of each project as one gauge; GitLab compares them by their labels."""
    lines = [f"# TYPE {NAME} gauge", *(line for one in results for line in _of(one)), "# EOF"]
    return "\n".join(lines) + "\n"


def _of(result: Result) -> Iterator[str]:
    for name, value in sorted(result.metrics.items()):
        labels = {"project": result.project, "metric": name}
        told = ",".join(f'{key}="{_label(text)}"' for key, text in labels.items())
        yield f"{NAME}{{{told}}} {_number(value)}"


def _label(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)
