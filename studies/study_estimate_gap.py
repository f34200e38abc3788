"""How far the estimate without labels is from the truth, where inputs shift, or their meaning.

    python -m studies estimate_gap [--windows N] [--csv FILE] [--reduced]

Rows have two inputs and a model that is right about the reference: 60 windows of 500 rows. Each
stream is windows of 500 rows in which one thing has shifted, all the time; both the estimate and
what labels show are computed as ``trueup monitor`` does. Reduced: four windows of each.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from trueup.monitoring.performance.answers import Answers
from trueup.monitoring.performance.performing import Asked, Judged, judged, performance

SEED, ROWS, REFERENCE, WINDOWS = 20270611, 500, 60, 20
METRICS = ("roc_auc", "log_loss", "accuracy")
DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Stream(msgspec.Struct, frozen=True):
    """What has shifted: the mean of the first input, its spread, or what is true given inputs."""

    name: str
    kind: str
    mean: float = 0.0
    spread: float = 1.0
    contrary: float = 0.0  # share of rows whose truth is the other one
    fades: float = 1.0  # what the first input still means
    more: float = 0.0  # log-odds by which all is likelier


STREAMS = (
    Stream("nothing", "nothing"),
    Stream("first input by 0.5 deviations", "inputs alone", mean=0.5),
    Stream("first input by 1 deviation", "inputs alone", mean=1.0),
    Stream("first input by 2 deviations", "inputs alone", mean=2.0),
    Stream("first input's spread halved", "inputs alone", spread=0.5),
    Stream("10 % of the truths are contrary", "meaning alone", contrary=0.1),
    Stream("25 % of the truths are contrary", "meaning alone", contrary=0.25),
    Stream("first input means half as much", "meaning alone", fades=0.5),
    Stream("first input means nothing", "meaning alone", fades=0.0),
    Stream("all is likelier, odds by 2", "meaning alone", more=float(np.log(2))),
    Stream("1 deviation, and 10 % contrary", "both", mean=1.0, contrary=0.1),
)


class Gap(msgspec.Struct, frozen=True):
    """What the estimate and the labels said of one stream, by one metric."""

    stream: str
    kind: str
    metric: str
    windows: int
    refused: int  # windows of which none was made; all that follows is of the others
    realised: float  # means over windows
    estimated: float
    gap: float  # estimated less realised
    gap_largest: float  # of one window, without its sign
    within: float  # share of windows whose realised value lies in the estimate's band
    seed: int


def main() -> None:
    options = _options()
    rng = np.random.default_rng(SEED)
    reference = judged(drawn(STREAMS[0], REFERENCE, rng), Asked(METRICS, mature_after_s=0.0))
    found = [
        gap
        for nth, stream in enumerate(STREAMS)
        for gap in gaps(stream, reference, options.windows, np.random.default_rng([SEED, nth]))
    ]
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(Gap.__struct_fields__)
            out.writerows(msgspec.structs.astuple(one) for one in found)
    print(
        "| what has shifted | | metric | labels | estimate | gap | largest gap | in its band "
        "| none made |\n|---|---|---|---:|---:|---:|---:|---:|---:|"
    )
    for one in found:
        print(
            f"| {one.stream} | {one.kind} | {one.metric} | {one.realised:.3f} "
            f"| {one.estimated:.3f} | {one.gap:+.3f} | {one.gap_largest:.3f} | {one.within:.0%} "
            f"| {one.refused} |"
        )


def drawn(stream: Stream, windows: int, rng: np.random.Generator) -> Answers:
    """Return windows of a stream, with their truths."""
    count = windows * ROWS
    first = rng.normal(stream.mean, stream.spread, count)
    second = rng.normal(size=count)
    is_true = rng.random(count) < odds(stream.fades * 1.5 * first + second + stream.more)
    is_true ^= rng.random(count) < stream.contrary
    at = (np.arange(count) * (DAY_US // ROWS)).astype(np.int64)
    return Answers(
        task="binary",
        at=at,
        predicted=odds(1.5 * first + second),
        truth=is_true.astype(np.int64),
        classes=(0, 1),
        positive=1,
        inputs={"first": first, "second": second},
    )


def odds(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability."""
    return np.asarray(1 / (1 + np.exp(-log_odds)), dtype=np.float64)


def gaps(
    stream: Stream, reference: Judged, windows: int, rng: np.random.Generator
) -> Iterator[Gap]:
    """Yield what each metric's estimate and realised values come to."""
    answers = drawn(stream, windows, rng)
    told = []
    for nth in range(windows):
        begin = EPOCH + timedelta(days=nth)
        mine = answers.only(slice(nth * ROWS, (nth + 1) * ROWS))
        told.append(performance(mine, begin, reference, begin + timedelta(days=2)))
    for metric in METRICS:
        late = [next(a for a in one.realised if a.metric == metric) for one in told]
        made = [next(a for a in one.estimated if a.metric == metric) for one in told]
        truth, guess = (np.array([a.value for a in each], dtype=float) for each in (late, made))
        low, high = (
            np.array([getattr(a, name) for a in made], dtype=float) for name in ("lower", "upper")
        )
        made_any = np.isfinite(guess)
        truth, guess, low, high = (each[made_any] for each in (truth, guess, low, high))
        yield Gap(
            stream.name, stream.kind, metric, windows, windows - len(guess),
            round(float(truth.mean()), 4), round(float(guess.mean()), 4),
            round(float((guess - truth).mean()), 4),
            round(float(np.abs(guess - truth).max()), 4),
            round(float(((truth >= low) & (truth <= high)).mean()), 3), SEED,
        )  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=WINDOWS)
    parser.add_argument("--csv", type=Path, help="write the results there")
    parser.add_argument("--reduced", action="store_true", help="four windows of each stream")
    options = parser.parse_args()
    options.windows = 4 if options.reduced else options.windows
    return options


if __name__ == "__main__":
    main()
