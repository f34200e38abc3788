"""The verb drift: two tables compared, without a project."""

import re
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.errors import WrongUsage, did_you_mean
from trueup.reporting.blocks import Report

if TYPE_CHECKING:
    from trueup.monitoring.cells import Cells
    from trueup.monitoring.comparing import Comparison, Limits, Moved
    from trueup.monitoring.effects import Effect
    from trueup.monitoring.scanning.blocking import BlockSize


_CURRENT = "table that it is compared with"


class DriftOptions(msgspec.Struct, frozen=True):
    """What is compared, and when it is an alarm."""

    columns: tuple[str, ...] = ()  # all
    predictions: tuple[str, ...] = ()
    time: str = ""  # blocks are spans of this column, not numbers of rows
    block: str = ""  # 1h, or a number of rows
    false_alarms: str = "1 per 90"  # comparisons of tables that do not differ
    min_effect: float = 0.1
    effect: "Effect" = "jensen_shannon"
    every_effect: bool = True  # measure the others, too


class Drift(msgspec.Struct, frozen=True):
    """What comparing two tables has found."""

    comparison: "Comparison"
    cells: "dict[str, tuple[Cells, Cells]]"
    left_out: dict[str, str]  # column: its type, of which nothing can be said

    @property
    def is_alarm(self) -> bool:
        """Say whether any column has drifted."""
        return bool(self.comparison.alarms)

    def report(self) -> Report:
        """Return it as a report."""
        from trueup.monitoring.comparison_report import comparison_report

        return comparison_report(self.comparison, self.cells, self.left_out)

    def record(self) -> dict[str, Any]:
        """Return it as what JSON shows."""
        found = self.comparison
        return {
            "format": 1,
            "alarm": self.is_alarm,
            "rows": found.rows,
            "limits": found.limits,
            "significance": msgspec.structs.replace(found.significance, scores={}),
            "columns": [_record(one) for one in found.columns],
            "left_out": self.left_out,
        }


def drift(reference: Any, current: Any, options: DriftOptions | None = None, **named: Any) -> Drift:
    """Compare two tables: paths, globs or frames. The first makes the grid.

    Options are given as a record or by name: ``drift(old, new, time="at", min_effect=0.2)``.
    Raises WrongUsage where the second lacks a column of the first, or has another type of it,
    and where either has no rows.
    """
    _require_numpy()
    from trueup.monitoring.comparing import compare
    from trueup.monitoring.scanning.blocking import like
    from trueup.monitoring.scanning.passes import Asked
    from trueup.monitoring.scanning.scan import ColumnsDiffer, scan_on, scan_reference
    from trueup.monitoring.scanning.sources import source_of

    options = options or DriftOptions(**named)
    limits = _limits(options)
    asked = Asked(columns=options.columns, predictions=options.predictions, blocks=_blocks(options))
    before = scan_reference(reference, asked)
    _require_rows(before.reference.rows, "reference")
    blocks = like(before.reference, asked.blocks)
    try:
        asked = msgspec.structs.replace(asked, blocks=blocks)
        after = scan_on(before.reference.grid, current, asked)
    except ColumnsDiffer:  # a CSV without rows says nothing of its types
        _require_rows(source_of(current).count(), _CURRENT)
        raise
    _require_rows(int(after.profile.rows.sum()), _CURRENT)
    ones, twos = before.reference.cells(), after.cells()
    cells = {one.name: (one, two) for one, two in zip(ones, twos, strict=True)}
    return Drift(compare(ones, twos, limits), cells, before.left_out)


def _require_rows(rows: int, what: str) -> None:
    if not rows:
        raise WrongUsage(
            f"the {what} has no rows", remedy="Give tables that have some, or look where they went."
        )


def _limits(options: DriftOptions) -> "Limits":
    from trueup.monitoring.comparing import EVERY, Limits

    if options.effect not in EVERY:
        raise WrongUsage(
            f"there is no effect named {options.effect!r}",
            remedy=f"{did_you_mean(options.effect, EVERY)}Name one of: {', '.join(EVERY)}",
        )
    if not options.min_effect >= 0:
        raise WrongUsage(
            f"a least effect of {options.min_effect:g} is none", remedy="Give a number from 0 on"
        )
    return Limits(
        options.min_effect, rate_of(options.false_alarms), options.effect, options.every_effect
    )


def rate_of(text: str) -> float:
    """Return how often tables that do not differ may alarm: ``1 per 90`` comparisons.

    Off is 1: whatever is large enough alarms.

    >>> rate_of("1 per 50")
    0.02
    """
    if text == "off":
        return 1.0
    found = re.fullmatch(r"\s*([0-9.]+) per ([0-9]+)\s*", text)
    rate = float(found[1]) / float(found[2]) if found and float(found[2]) else 0.0
    if not 0 < rate < 1:
        raise WrongUsage(
            f"{text!r} is no rate of false alarms",
            remedy="Say how many in how many comparisons: --false-alarms '1 per 90', or off",
        )
    return rate


def _blocks(options: DriftOptions) -> "BlockSize":
    from trueup.config.units import duration_s
    from trueup.monitoring.scanning.blocking import BlockSize

    try:
        if options.block.isdigit() and int(options.block) and not options.time:
            return BlockSize(rows=int(options.block))
        span_s = duration_s(options.block) if options.block else 0.0
    except ValueError:
        span_s = -1.0
    if span_s < 0 or (span_s and not options.time):
        raise WrongUsage(
            f"{options.block!r} is no size of a block",
            remedy="Give a number of rows, or with --time COLUMN a span such as 1h",
        )
    return BlockSize(options.time, span_s)


def _require_numpy() -> None:
    try:
        import numpy  # noqa: F401 - whether it is there
    except ImportError as error:
        raise WrongUsage(
            f"tables are compared with numpy, which is not installed here ({error})",
            remedy="Install it: pip install 'trueup[monitor]'",
        ) from error


def _record(one: "Moved") -> dict[str, Any]:
    return {
        "name": one.name,
        "role": one.role,
        "alarm": one.is_alarm,
        "significant": one.is_significant,
        "material": one.is_material,
        "score": one.score,
        "missing": one.missing,
        "effects": {
            each.effect: {
                "measured": each.raw,
                "corrected": each.corrected,
                "at_least": each.lower,
                "grid_error": each.grid_error,
            }
            for each in one.effects
        },
    }
