"""An aftermath as a report, and as what the loop writes down of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from trueup.loop.aftermath.records import Judged
from trueup.loop.events import Aftermath, Effect
from trueup.reporting.blocks import Block, Check, Column, Report, Table, Text, Verdict
from trueup.reporting.wording import moment

_EXTREME = (
    "Recovery is no effect: a trigger picks an extreme window, after which most are better "
    "whatever is done. What the retrain did is the difference to the old champion on the same rows."
)
_WORDS: dict[Effect, Literal["pass", "fail"]] = {
    "helped": "pass",
    "no effect": "fail",
    "harmed": "fail",
}
_COMPARED = (
    Column("mean loss of"),
    Column("value", "number"),
    Column("from", "number", sign=True),
    Column("to", "number", sign=True),
)
_AFTER = (
    *(Column("at"), Column("version"), Column("effect"), Column("metric")),
    *(Column(name, "number", sign=True) for name in ("difference", "from", "to")),
    *(Column("by"), Column("recovery, no effect", "number"), Column("says")),
)
_LEVELS = (Column("metric as watched"), Column("value", "number"))


def aftermath_report(found: Judged) -> Report:
    """Return the report of what a retrain has brought about."""
    return Report("Aftermath", aftermath_blocks(found))


def aftermath_blocks(found: Judged) -> tuple[Block, ...]:
    """Return the same as blocks; recovery stands apart from the effect."""
    asked = found.question
    word: Literal["pass", "fail", "inconclusive"] = _WORDS.get(found.effect, "inconclusive")
    subject = f"{asked.model}: version {asked.version} after {asked.old}: {found.effect}"
    blocks: list[Block] = [
        Verdict(subject, word, (found.says,), (Check("effect", word, found.says),))
    ]
    if found.difference is not None:
        rows = (
            (f"version {asked.version} (new)", found.new, None, None),
            (f"version {asked.old} (old, by {found.basis})", found.old, None, None),
            ("the old less the new", found.difference, found.lower, found.upper),
        )
        blocks.append(Table(_COMPARED, rows, "Effect"))
    levels = asked.levels
    if found.recovered is not None:
        rows_of_levels = (
            ("usual", levels.usual),
            ("when it was set off", levels.trigger),
            ("after", levels.after),
        )
        blocks.append(Table(_LEVELS, rows_of_levels, "Recovery"))
        blocks.append(Text(f"{found.recovered:.0%} of the way back. {_EXTREME}"))
    return tuple(blocks)


def aftermaths_table(found: Iterable[Aftermath]) -> Table:
    """Return what came of several retrains, the newest first; recovery is in a column apart."""
    rows = tuple(
        (
            moment(one.at), str(one.version) if one.version else None, one.effect, one.metric,
            one.difference, one.lower, one.upper, one.basis or None, one.recovery, one.says,
        )
        for one in reversed(list(found))
    )  # fmt: skip
    return Table(_AFTER, rows, "What came of retrains: the old champion's loss less the new one's")


def written(found: Judged, at: datetime, by: str, record: str = "") -> Aftermath:
    """Return the loop's event of an aftermath; ``record`` is the key of the whole of it."""
    return Aftermath(
        at=at,
        by=by,
        decision=found.question.decision,
        effect=found.effect,
        windows=found.question.windows,
        version=found.question.version,
        metric=found.question.metric,
        difference=found.difference,
        lower=found.lower,
        upper=found.upper,
        basis=found.basis,
        recovery=found.recovered,
        record=record,
        says=found.says,
    )
