"""Curves of a comment: what Mermaid draws of them, and that no name ends them early."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reporting.hostile import NAMES
from trueup.reporting.mermaid import STEPS, xychart

MERMAID = Path(__file__).parents[2] / ".build/forges/node_modules/mermaid/dist/mermaid.min.js"
ROC: dict[str, list[tuple[float, float]]] = {
    "champion": [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)],
    "candidate": [(0, 0), (0, 0.8), (1, 1)],
}
DRAWN = """\
<p>not drawn</p><script src="{mermaid}"></script>
<script>
  mermaid.initialize({{startOnLoad: false}});
  Promise.all({charts}.map((text, nth) => mermaid.render(`chart${{nth}}`, text)))
    .then((all) => all.map((one) => one.svg))
    .then((all) => document.body.innerHTML = `drawn ${{all.length}} ${{all.join("")}}`)
    .catch((error) => document.querySelector("p").textContent = `refused: ${{error}}`);
</script>
"""


def series(text: str) -> dict[str, list[float]]:
    found = re.findall(r"^  (bar|line) \[(.*)\]$", text, re.MULTILINE)
    return {mark: [float(one) for one in numbers.split(", ")] for mark, numbers in found}


def test_two_curves_are_bars_and_a_line_and_the_title_says_which() -> None:
    text = xychart("ROC curve", "false positive rate", "true positive rate", ROC)
    assert text.splitlines()[1:5] == [
        "xychart-beta",
        '  title "ROC curve (bar: champion, line: candidate)"',
        '  x-axis "false positive rate" 0 --> 1',
        '  y-axis "true positive rate" 0 --> 1',
    ]
    drawn = series(text)
    assert drawn["bar"] == pytest.approx([nth / (STEPS - 1) for nth in range(STEPS)], abs=6e-4)
    assert drawn["line"][0] == 0.8  # the top of a step
    assert drawn["line"][8] == pytest.approx(0.9)


def test_one_curve_is_a_line_and_keeps_its_ends_where_it_has_no_points() -> None:
    drawn = series(
        xychart("Calibration", "claimed", "came", {"candidate": [(0.4, 0.2), (0.6, 0.7)]})
    )
    assert list(drawn) == ["line"]
    assert (drawn["line"][0], drawn["line"][8], drawn["line"][-1]) == (0.2, 0.45, 0.7)


def test_nothing_is_drawn_of_no_points() -> None:
    assert xychart("ROC curve", "x", "y", {"candidate": [(float("nan"), 1.0)]}) == ""


SHARES = st.lists(st.tuples(st.floats(), st.floats()), max_size=30)


@given(title=st.text(), name=st.text(), points=SHARES)
def test_no_name_and_no_number_ends_a_line_of_it(
    title: str, name: str, points: list[tuple[float, float]]
) -> None:
    text = xychart(title, name, title, {name: points, "candidate": [(0.0, 0.1)]})
    heads = [line.split()[0] for line in text.splitlines()[1:]]
    assert heads[:4] == ["xychart-beta", "title", "x-axis", "y-axis"]
    assert set(heads[4:]) <= {"bar", "line"}
    assert "`" not in text
    assert all(len(one) == STEPS for one in series(text).values())


@pytest.mark.slow
def test_mermaid_itself_draws_them_whatever_they_are_called(
    dom: Callable[[Path], str], tmp_path: Path
) -> None:
    if not MERMAID.exists():
        pytest.skip("Mermaid is not installed; install it with: make components")
    charts = [
        xychart(name, name, name, {name: ROC["champion"], "candidate": ROC["candidate"]})
        for name in NAMES
    ]
    page = tmp_path / "page.html"
    page.write_text(DRAWN.format(mermaid=MERMAID.as_uri(), charts=json.dumps(charts)), "utf-8")
    seen = dom(page)
    assert f"drawn {len(NAMES)} <svg" in seen, seen[:2000]
