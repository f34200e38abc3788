"""What is checked before anything is estimated: enough rows and classes, calibration, support."""

from trueup.gate.arrays import Floats, np
from trueup.gate.metrics import Metric
from trueup.monitoring.performance.confidence import Chosen, Known
from trueup.monitoring.performance.shifting import Ratio

LEAST_ROWS = 300  # of the reference
LEAST_EVENTS = 30  # of each class there
LEAST_WINDOW = 50  # rows
LEAST_EXPECTED = 5.0  # rows of the rarer class in a window, for metrics that need both
WORST_GAP = 0.1  # of calibration, as a share of the outcomes' own spread
MOST_OUTSIDE = 0.05  # of the window's rows, where the reference has next to none
LEAST_WORTH = 300.0  # rows that the reference must be worth once it is weighted
MOST_APART = 0.1  # of any column from the window's, after weighting
MOST_WORSE = 0.03  # by how much weighting may move a column away from the window's
_EDGE_ROWS = 5  # of the reference, beyond which scores are unknown to it


def unfit_reference(rows: int, truth: Floats | None) -> str:
    """Return why a reference cannot support estimates, or nothing."""
    if rows < LEAST_ROWS:
        return f"the reference has {rows:,} labelled rows, and {LEAST_ROWS} are asked for"
    if truth is None:
        return ""
    rarest = float(min(truth.sum(axis=0).min(), (len(truth) - truth.sum(axis=0)).min()))
    if rarest < LEAST_EVENTS:
        return (
            f"a class has {rarest:.0f} rows of the reference, and {LEAST_EVENTS} are asked for "
            "to tell how likely it is"
        )
    return ""


def uncalibrated(found: Chosen) -> str:
    """Return why scores do not tell how likely a class is, even recalibrated, or nothing."""
    if found.gap <= WORST_GAP:
        return ""
    return (
        "what came true on stretches of the reference that were left out is "
        f"{found.gap:.0%} of the outcomes' spread away from what the scores say, also after "
        f"recalibrating; at most {WORST_GAP:.0%} is allowed"
    )


def outside(known: Known, scores: Floats) -> str:
    """Return whether many scores of a window lie where the reference has next to none."""
    return beyond("scores", known.scores, scores)


def beyond(what: str, reference: Floats, window: Floats) -> str:
    """Return why columns of a window are not supported by those of the reference, or nothing."""
    edge = min(_EDGE_ROWS, len(reference)) - 1
    low = np.partition(reference, edge, axis=0)[edge]
    high = -np.partition(-reference, edge, axis=0)[edge]
    off = ((window < low) | (window > high)) & (low < high)
    share = float(off.any(axis=1).mean())
    if share <= MOST_OUTSIDE:
        return ""
    return (
        f"{share:.0%} of the {what} lie outside of the reference's, and at most "
        f"{MOST_OUTSIDE:.0%} may"
    )


def unfit_window(metric: Metric, probabilities: Floats) -> str:
    """Return why a window is too small for a metric, or nothing."""
    rows = len(probabilities)
    if rows < LEAST_WINDOW:
        return f"the window has {rows} rows, and {LEAST_WINDOW} are asked for"
    if not metric.needs_both:
        return ""
    many = probabilities.sum(axis=0)
    rarer = float(min(many.min(), (rows - many).min()))
    if rarer < LEAST_EXPECTED:
        return f"{rarer:.1f} rows of the rarer class are expected, too few for {metric.name}"
    return ""


def unsupported(ratio: Ratio, rows: int) -> str:
    """Return why rows of the reference cannot be weighted to be as the window, or nothing.

    Too few may be like it. And where weights that bring one column nearer drive another away, the
    window has combinations that the reference does not have.
    """
    why = ""
    if ratio.worth < LEAST_WORTH:
        why = f"the reference's {rows:,} rows are worth {ratio.worth:,.0f} in it"
    worst = max(ratio.balances, key=lambda one: one.after)
    pushed = max(ratio.balances, key=lambda one: one.after - one.before)
    if not why and worst.after > MOST_APART:
        why = f"weighted rows are still {worst.after:.2f} apart in {worst.column}"
    if not why and pushed.after > pushed.before + MOST_WORSE:
        why = (
            f"weights that make the reference like it move {pushed.column} away, from "
            f"{pushed.before:.2f} to {pushed.after:.2f}"
        )
    if not why:
        return ""
    return (
        f"the window is composed so differently that {why}; scores are calibrated on all of the "
        "reference alike (CBPE), which is less to be relied on the farther inputs have moved"
    )
