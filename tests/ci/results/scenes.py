"""Results as a check leaves them, also with names that nobody sane would give."""

from hypothesis import strategies as st

from trueup.ci.results.result import Judged, Place, Problem, Result
from trueup.reporting.blocks import Column, Report, Table, Verdict

NASTY = st.text(
    st.one_of(st.sampled_from("|`\n\r:,%<>*_[]()!@#&\"'\\~-$\u202e\x1b\x00é☃😀"), st.characters()),
    max_size=30,
) | st.sampled_from(
    ["::error::x", "]]>", "</details>", "<script>", "```", "end<<x\ny", "![i](https://e.test)"]
)


def refused(problems: int = 1, name: str = "late") -> Result:
    """Return a result that is refused for so many slices."""
    found = tuple(
        Problem(
            "error", "gate/recall", f"{name}: recall of carrier=C{nth} failed",
            "0.61, at most 0.03 worse than 0.70 was asked", Place("trueup.yaml", 12), name,
            f"carrier=C{nth}",
        )
        for nth in range(problems)
    )  # fmt: skip
    rows = tuple((f"carrier=C{nth}", 0.61, "fail") for nth in range(problems))
    table = Table((Column("slice"), Column("recall", "number"), Column("result")), rows, "Slices")
    return Result(
        project="flights", word="fail", exit_code=3, run="r1", commit="c" * 40,
        report=Report("flights", (Verdict(name, "fail", ("recall",)), table)), problems=found,
        judged=(Judged(f"flights/{name}", None, "dev", "fail", "d" * 64),),
        metrics={"metrics.json:roc_auc": 0.68},
    )  # fmt: skip


@st.composite
def anything(draw: st.DrawFn) -> Result:
    """Draw a result whose every name is nasty."""
    name, says = draw(NASTY), draw(NASTY)
    place = draw(st.none() | st.builds(Place, NASTY, st.integers(1, 9999)))
    problem = Problem("error", f"gate/{name}", draw(NASTY), says, place, name, draw(NASTY))
    table = Table((Column(draw(NASTY)),), ((draw(NASTY),),), draw(NASTY))
    return Result(
        project=draw(NASTY), folder=draw(NASTY), word="fail", exit_code=3, run=draw(NASTY),
        report=Report(draw(NASTY), (table,)), problems=(problem,),
        judged=(Judged(name, 3, draw(NASTY), "fail", "d"),),
        metrics={draw(NASTY): draw(st.floats())},
    )  # fmt: skip
