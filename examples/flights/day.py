"""Write what was known of a day of flights, and how they ended: day.py 2013-12-20 day.parquet."""

import sys
from datetime import date
from pathlib import Path

import polars as pl
import yaml
from ingest import table as packaged
from prepare import table


def main(day: date, out: Path) -> None:
    settings = yaml.safe_load(Path("params.yaml").read_text())["prepare"]
    flights = packaged("flights.csv.zip").filter(pl.date("year", "month", "day") == day)
    rows = table(flights, packaged("weather.csv"), settings).drop("day")
    rows.write_parquet(out)
    print(f"{day}: {rows.height} flights, {rows['late'].null_count()} of them never arrived")


if __name__ == "__main__":
    main(date.fromisoformat(sys.argv[1]), Path(sys.argv[2]))
