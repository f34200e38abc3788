"""Replay a year through a model's loop, week by week, while a server answers: scripts/demo_loop.py.

    demo_loop.py URL YEAR SINCE UNTIL      in the project's folder, with trueup's own Python

Each week it does what production and cron would do: flights are predicted by the champion and
captured at the time that they were asked, labels come when they were known, trueup tick runs with
--now. The commands are trueup's own, all called in this process: to start 130 would take longer.
Meanwhile the server is asked about flights of the week one by one, and has to follow the champion.
"""

import io
import json
import math
import re
import sys
import time
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.request import Request, urlopen

import polars as pl

from trueup.cli.group import trueup
from trueup.errors import TrueupError

MODEL, WEEK = "flight-late", timedelta(days=7)
NO_INPUT = ["flight_id", "scheduled_at", "predicted_at", "observed_by", "tailnum", "late"]
FOLLOWS_S = 20.0  # the longest that a server may take to notice a promotion
REASON = r"; (?=\w+(?: is |: | \())"  # what begins with a metric, or a column and its check
TICK_CODES = (0, 3, 4, 9)  # promoted or nothing, refused, inconclusive, stopped


def told(*command: str, codes: tuple[int, ...] = (0,)) -> str:
    """Call a command of trueup and return what it printed; end where it fails."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()):
        try:
            code = trueup.main(list(command), standalone_mode=False) or 0
        except TrueupError as error:
            sys.exit(f"demo: trueup {' '.join(command)}: {error}")
    if code not in codes:
        sys.exit(f"demo: trueup {' '.join(command)} ended with {code}\n{out.getvalue()}")
    return out.getvalue()


class Asker(Thread):
    """Asks the server about flights one by one, without an end, and counts who has answered."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.flights = url, list[dict[str, Any]]()
        self.answered, self.failed = Counter[int](), list[str]()
        self.latest, self.ended = 0, Event()

    def give(self, flights: pl.DataFrame) -> None:
        """Let it ask about these from now on."""
        asked = flights.drop([name for name in NO_INPUT if name in flights.columns])
        self.flights = asked.head(200).to_dicts()

    def run(self) -> None:
        """Ask every fiftieth of a second or so, and keep what failed."""
        k = 0
        while not self.ended.wait(0.05):
            flights = self.flights
            if flights:
                self.ask(flights[k % len(flights)])
                k += 1

    def ask(self, flight: dict[str, Any]) -> None:
        """Ask about one flight; what is not known of it is null."""
        known = {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in flight.items()
        }
        body = json.dumps({"records": [known]}).encode()
        try:
            with urlopen(self.request(body), timeout=30) as reply:  # noqa: S310 - our own server
                self.latest = json.load(reply)["version"]
                self.answered[self.latest] += 1
        except (OSError, ValueError, KeyError) as error:
            self.failed.append(str(error))

    def request(self, body: bytes) -> Request:
        """Return the request that asks for a prediction."""
        kind = {"content-type": "application/json"}
        return Request(f"{self.url}/predict", body, kind)  # noqa: S310 - our own server

    def follows(self, version: int) -> float:
        """Return after how many seconds a version answers; end where it never does."""
        begun = time.monotonic()
        while self.latest != version:
            if time.monotonic() - begun > FOLLOWS_S or self.failed:
                sys.exit(f"demo: the server has not followed to version {version}: {self.failed}")
            time.sleep(0.02)
        return time.monotonic() - begun


class Year:
    """A year of flights as production sees it: asked at one time, told at another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        labels = sorted(folder.glob("*-labels.parquet"))
        asked = [Path(str(one).replace("-labels", "")) for one in labels]
        self.flights = pl.concat([pl.read_parquet(one) for one in asked])
        self.labels = pl.concat([pl.read_parquet(one) for one in labels])

    def between(self, since: datetime, until: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the flights that were asked about in a span, and the labels that came in it."""
        asked, known = pl.col("predicted_at"), pl.col("known_at")
        return (
            self.flights.filter(asked >= since, asked < until),
            self.labels.filter(known >= since, known < until),
        )


def capture(folder: Path, week: str, flights: pl.DataFrame, labels: pl.DataFrame) -> None:
    """Predict a week by the champion, at the times that it was asked, and import what came."""
    given, out, came = (folder / f"{week}-{one}.parquet" for one in ("asked", "scored", "came"))
    flights.write_parquet(given)
    told("predict", MODEL, "--in", str(given), "--out", str(out), "--at", "predicted_at")
    labels.write_parquet(came)
    columns = ("--id", "flight_id", "--label", "late", "--label-at", "known_at", "--only-labels")
    told("captures", "import", MODEL, str(came), *columns)


def words(ticked: dict[str, Any]) -> list[str]:
    """Return what a pass has decided and what came of it, else why it did nothing."""
    said = [
        f"{one['do']}, because {one['cause']['says']}"
        for one in ticked["decision"]["actions"]
        if "cause" in one
    ]
    for one in ticked["carried"]:
        if one["end"]:
            first, *more = re.split(REASON, one["says"])
            if one["end"] == "stopped" and more:  # the guard says of each column what to mend
                more = [f"and {len(more)} findings more"]
            said += [f"{one['end']}: {first}", *(f"  {each}" for each in more)]
    left = [one for one in ticked["decision"]["left"] if one["do"] == "retrain"]
    return said or [f"nothing ({one['why']})" for one in left] or ["nothing"]


def look_back(moment: str) -> None:
    """Say of each promotion whether it helped, as far as that can be said."""
    for one in json.loads(told("loop", "explain", MODEL, "--now", moment, "--json"))["decisions"]:
        if one["ended"] and one["ended"]["end"] == "promoted":
            after = one["aftermath"] or {"effect": "not known yet", "says": "labels are awaited"}
            version = one["ended"]["version"]
            judged = (act["says"] for act in one["acts"] if act["step"] == "deliver")
            print(f"version {version}:", *re.split(REASON, next(judged)), sep="\n  ")
            print(f"did version {version} help? {after['effect']}: {after['says']}")


def main(url: str, folder: str, since: str, until: str) -> None:
    """Replay from one day to another, and say what the server has answered meanwhile."""
    year, asker = Year(Path(folder)), Asker(url)
    now, end = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (since, until))
    before = datetime.min.replace(tzinfo=UTC)
    weeks = year.folder / "weeks"
    weeks.mkdir()
    asker.start()
    while now <= end:
        flights, labels = year.between(before, now)
        asker.give(flights)
        capture(weeks, f"{now:%m-%d}", flights, labels)
        moment = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        ticked = json.loads(told("tick", MODEL, "--now", moment, "--json", codes=TICK_CODES))
        said = words(ticked)
        print(f"{now:%Y-%m-%d}  {said[0]}", *said[1:], sep="\n            ", flush=True)
        for one in ticked["carried"]:
            if one["end"] == "promoted":
                champion = json.loads(told("resolve", MODEL, "--json"))["version"]
                took = asker.follows(champion)
                print(f"            the server answers by version {champion}, {took:.1f} s later")
        before, now = now, now + WEEK
    asker.ended.set()
    asker.join()
    look_back(f"{end:%Y-%m-%dT%H:%M:%SZ}")
    by = ", ".join(f"{count} by version {one}" for one, count in sorted(asker.answered.items()))
    times = sum(asker.answered.values()) + len(asker.failed)
    print(f"the server was asked {times} times, {len(asker.failed)} failed; answered: {by}")
    if asker.failed:
        sys.exit(f"demo: {asker.failed[0]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
