"""How soon labels come: their share by age, where many are still to come."""

from datetime import UTC, datetime, timedelta

import msgspec

from trueup.gate.arrays import Floats, Truths, Whole, np

NEVER = np.iinfo(np.int64).max  # when a label came that has not come
COMPLETE = 0.99  # of the labels that ever come: then a window may be judged, if nothing is declared
_POINTS = 256
_AT_RISK = 10  # rows, below which an age says nothing
_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MaturityCurve(msgspec.Struct, frozen=True):
    """The share of labels that have come by each age, ascending; nothing is known beyond the last.

    ``of_rows`` is of all rows (Kaplan and Meier 1958: rows without a label yet are censored at
    their age), ``of_labels`` of those labels that come by the last age (Lagakos, Barraj and
    De Gruttola 1988: what is labelled by now had to come by now, so that time runs backwards).
    """

    ages_s: tuple[float, ...]
    of_rows: tuple[float, ...]
    of_labels: tuple[float, ...]
    rows: int
    labelled: int

    def come(self, age_s: float) -> float:
        """Return which share of the labels that ever come has come by an age."""
        return float(self.come_by(np.array([age_s]))[0])

    def come_by(self, ages_s: Floats) -> Floats:
        """Return the same of many ages."""
        places = np.searchsorted(np.array(self.ages_s), ages_s, side="right")
        found: Floats = np.concatenate([[0.0], self.of_labels])[places]
        return found

    def age_s(self, share: float) -> float | None:
        """Return the age by which such a share has come; None where there are no labels."""
        place = int(np.searchsorted(np.array(self.of_labels), share - 1e-9))
        return self.ages_s[place] if place < len(self.ages_s) else None


class WindowMaturity(msgspec.Struct, frozen=True):
    """Whether a window's labels are complete, and how many are thought to have come."""

    mature: bool
    mature_at: datetime | None  # None: nobody knows
    after_s: float | None  # the age it rests on
    declared: bool  # by labels.mature_after; else told by the curve
    come: float | None  # share of the labels that ever come, on average over the window's rows
    by_then: float | None  # share that comes by that age
    says: str = ""


def maturity_curve(captured: Whole, labelled: Whole, now: int) -> MaturityCurve:
    """Return how soon labels come; times in microseconds, NEVER where none has come.

    What came after now is not looked at, so that the past can be replayed. A label said before
    its prediction (clocks differ) came at once.
    """
    known = captured <= now
    captured, labelled = captured[known], labelled[known]
    came = labelled <= now
    most = now - captured  # the age of each row
    delay = np.where(came, np.maximum(labelled, captured) - captured, most)
    ages = _ages(delay[came], most)
    if not len(ages):
        return MaturityCurve((), (), (), len(captured), int(came.sum()))
    return MaturityCurve(
        tuple((ages / _SECOND).tolist()),
        tuple(_of_rows(delay, came, ages).tolist()),
        tuple(_of_labels(delay[came], most[came], ages).tolist()),
        len(captured),
        int(came.sum()),
    )


def _ages(delays: Whole, most: Whole) -> Whole:
    """Return at most so many ages at which labels came, as far as enough rows are so old."""
    if len(most) < _AT_RISK:
        return np.empty(0, np.int64)
    oldest = np.sort(most)[-_AT_RISK]
    found = np.unique(delays[delays <= oldest])
    if len(found) > _POINTS:
        found = np.unique(found[np.linspace(0, len(found) - 1, _POINTS).astype(np.int64)])
    return found.astype(np.int64)


def _of_rows(delay: Whole, came: Truths, ages: Whole) -> Floats:
    every, events = np.sort(delay), np.sort(delay[came])
    times, counts = np.unique(events, return_counts=True)
    risk = len(every) - np.searchsorted(every, times, side="left")
    alive = np.cumprod(1 - counts / risk)
    places = np.searchsorted(times, ages, side="right")
    found: Floats = 1 - np.concatenate([[1.0], alive])[places]
    return found


def _of_labels(delay: Whole, most: Whole, ages: Whole) -> Floats:
    """Return the share by reverse hazards, among labels that come by the last age."""
    kept = delay <= ages[-1]
    delay, most = delay[kept], most[kept]
    times, counts = np.unique(delay, return_counts=True)
    here = np.cumsum(counts)
    risk = here - np.searchsorted(np.sort(most), times, side="left")
    # by each time, all that is later must not have come last
    factors = 1 - counts / np.maximum(risk, counts)
    later = np.cumprod(factors[::-1])[::-1]
    shares = np.append(later[1:], 1.0)
    found: Floats = shares[np.searchsorted(times, ages, side="right") - 1]
    return found


def window_maturity(
    captured: Whole, end: int, now: int, after_s: float | None, curve: MaturityCurve
) -> WindowMaturity:
    """Return whether the labels of a window that ends then are complete.

    Declared: when the window's last moment is as old as ``after_s``. Else: when 99 % of the labels
    that ever come have come by such an age; None is known without any labels.
    """
    declared = after_s is not None
    age_s = after_s if after_s is not None else curve.age_s(COMPLETE)
    come = float(curve.come_by((now - captured) / _SECOND).mean()) if len(captured) else None
    if not curve.ages_s:
        come = None
    if age_s is None:
        says = "no label has come yet, and labels.mature_after is not declared"
        return WindowMaturity(False, None, None, False, come, None, says)
    at = end + round(age_s * _SECOND)
    by_then = curve.come(age_s) if curve.ages_s else None
    mature_at = _EPOCH + timedelta(microseconds=at)
    return WindowMaturity(now >= at, mature_at, age_s, declared, come, by_then, _says(by_then))


def _says(by_then: float | None) -> str:
    if by_then is None or by_then >= 0.95:
        return ""
    return f"only {by_then:.0%} of the labels come within labels.mature_after: declare a longer one"
