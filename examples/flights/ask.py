"""Ask a server about a table of flights one by one, tell it how they ended, compare answers.

python ask.py send day.parquet http://127.0.0.1:8000 answers.parquet 8     (over 8 seconds)
python ask.py label day.parquet http://127.0.0.1:8000
python ask.py same answers.parquet scored.parquet
"""

import json
import math
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import polars as pl

NO_INPUT = ["flight_id", "scheduled_at", "predicted_at", "observed_by", "tailnum", "late"]


def post(url: str, body: Any) -> tuple[int, Any]:
    """Send JSON, and return the status and what came back."""
    request = Request(url, json.dumps(body).encode(), {"content-type": "application/json"})  # noqa: S310 - the user's own
    try:
        with urlopen(request, timeout=30) as reply:  # noqa: S310 - likewise
            return reply.status, json.load(reply)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def record(row: dict[str, Any]) -> dict[str, Any]:
    """Return what the model takes of a flight, as JSON has it: what is not known is null."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in row.items()
        if name not in NO_INPUT
    }


def send(table: pl.DataFrame, url: str, seconds: float) -> pl.DataFrame:
    """Ask for each flight by itself, spread over some seconds, and return every answer."""
    begun, pause, flights = time.monotonic(), seconds / table.height, table.to_dicts()

    def ask(k: int) -> dict[str, Any]:
        time.sleep(max(0.0, begun + k * pause - time.monotonic()))
        name = flights[k]["flight_id"]
        status, said = post(f"{url}/predict", {"records": [record(flights[k])], "ids": [name]})
        known = {"flight_id": name, "status": status, "version": said.get("version")}
        return known | (said["predictions"][0] if status == 200 else {"error": said["error"]})

    with ThreadPoolExecutor(8) as threads:
        return pl.DataFrame(list(threads.map(ask, range(table.height))), infer_schema_length=None)


def label(table: pl.DataFrame, url: str) -> int:
    """Tell how the flights ended, of those that did; return how many that were."""
    ended = table.drop_nulls("late").select(id="flight_id", label="late").to_dicts()
    status, said = post(f"{url}/feedback", {"labels": ended})
    if status >= 400:
        raise SystemExit(f"ask: the labels were not taken: {said['error']}")
    return len(ended)


def apart(answers: pl.DataFrame, scored: pl.DataFrame) -> tuple[int, int, float]:
    """Compare what one version has answered twice: flights, other decisions, largest difference.

    The last bit of a score depends on how many rows a processor adds up at once.
    """
    both = answers.join(scored, on=["flight_id", "version"], suffix="_scored")
    other = both.filter(pl.col("prediction") != pl.col("prediction_scored")).height
    most = both.select((pl.col("score") - pl.col("score_scored")).abs().max()).item() or 0.0
    return both.height, other, most


def main(verb: str, table: pl.DataFrame, *others: str) -> None:
    if verb == "send":
        url, out, seconds = others
        answers = send(table, url, float(seconds))
        answers.write_parquet(out)
        failed = answers.filter(pl.col("status") != 200)
        by = Counter(answers["version"].drop_nulls().to_list())
        said = ", ".join(f"{count} by version {version}" for version, count in sorted(by.items()))
        print(f"{answers.height} flights asked, {failed.height} failed; answered: {said or 'none'}")
        if failed.height:
            raise SystemExit(f"ask: {failed['error'][0]}")
    elif verb == "label":
        print(f"{label(table, others[0])} labels told")
    else:
        count, other, most = apart(table, pl.read_parquet(others[0]))
        print(f"{count} flights, {other} decided differently, scores at most {most:.0e} apart")
        if other or not count or most > 1e-12:
            raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1], pl.read_parquet(sys.argv[2]), *sys.argv[3:])
