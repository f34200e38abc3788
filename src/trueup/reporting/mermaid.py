"""Charts in Mermaid's words, which GitHub and GitLab draw in a comment without an upload.

Of Mermaid only ``xychart-beta`` draws numbers; it has evenly spaced points and no legend, so two
curves are a line and bars, and the title says which is which. Its grammar:
https://mermaid.js.org/syntax/xyChart.html
"""

import math
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Points: TypeAlias = Sequence[tuple[float, float]]

STEPS = 17  # sixteenths: Mermaid adds them up, and loses the last of steps that are not exact
_COLOURS = {"bar": "#9aa5b1", "line": "#d57a1f"}
_INIT = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "%s"}}}}%%'
_UNSAFE = re.compile(r"[^\w .,:()%+/-]")


def xychart(title: str, x: str, y: str, curves: Mapping[str, Points]) -> str:
    """Return one or two curves of shares (x and y within 0 to 1) in 17 points; "" for no points.

    The first curve of two is drawn as bars. Between its points a curve is drawn straight; where
    it has none yet, or none any more, it keeps the value of its nearest point.
    """
    finite = {
        name: sorted(point for point in points if all(map(math.isfinite, point)))
        for name, points in curves.items()
    }
    drawn = [(name, points) for name, points in finite.items() if points][:2]
    if not drawn:
        return ""
    marks = ("bar", "line") if len(drawn) > 1 else ("line",)
    told = ", ".join(
        f"{mark}: {name}" for mark, (name, _) in zip(marks, drawn, strict=True) if len(drawn) > 1
    )
    series = [
        f"  {mark} [{', '.join(_number(value) for value in _sampled(points))}]"
        for mark, (_, points) in zip(marks, drawn, strict=True)
    ]
    heading = f"{title} ({told})" if told else title
    axes = [f"  x-axis {_quoted(x)} 0 --> 1", f"  y-axis {_quoted(y)} 0 --> 1"]
    colours = _INIT.replace("%s", ", ".join(_COLOURS[mark] for mark in marks))
    return "\n".join([colours, "xychart-beta", f"  title {_quoted(heading)}", *axes, *series])


def _sampled(points: Points) -> list[float]:
    return [_at(points, step / (STEPS - 1)) for step in range(STEPS)]


def _at(points: Points, x: float) -> float:
    """Return a sorted curve's value; of several at one x the highest, as a step up ends there."""
    index = bisect_left(points, (x, math.inf))
    if index == 0:
        return points[0][1]
    before = points[index - 1]
    if before[0] == x or index == len(points):
        return before[1]
    after = points[index]
    share = (x - before[0]) / (after[0] - before[0])
    return before[1] + share * (after[1] - before[1])


def _number(value: float) -> str:
    return f"{min(max(value, 0.0), 1.0):.3f}"  # Mermaid reads no exponents


def _quoted(text: str) -> str:
    """Return text in quotes, without what could end them or the block."""
    return f'"{_UNSAFE.sub(" ", text)}"'
