"""Write the flights from a day on, a table a month, and when it was known how they ended.

python year.py 2013-02-28 ../year        year/2013-03.parquet, year/2013-03-labels.parquet ...
"""

import sys
from datetime import date
from pathlib import Path

import polars as pl
import yaml
from features import NEW_YORK
from ingest import table as packaged
from prepare import TOLD, table


def labels(rows: pl.DataFrame) -> pl.DataFrame:
    """Say who was late and when that was known; of a flight that never arrived nothing comes."""
    noon = (pl.col("day").cast(pl.Datetime("us")) + TOLD).dt.replace_time_zone(NEW_YORK)
    known = rows.drop_nulls("late")
    return known.select("flight_id", "late", known_at=noon.dt.convert_time_zone("UTC"))


def main(since: date, folder: Path) -> None:
    settings = yaml.safe_load(Path("params.yaml").read_text())["prepare"]
    flights = packaged("flights.csv.zip").filter(pl.date("year", "month", "day") >= since)
    rows = table(flights, packaged("weather.csv"), settings)
    folder.mkdir(parents=True, exist_ok=True)
    months = rows.with_columns(month=pl.col("day").dt.strftime("%Y-%m")).sort("month")
    for (month,), part in months.group_by("month", maintain_order=True):
        part.drop("day", "month").write_parquet(folder / f"{month}.parquet")
        labels(part).write_parquet(folder / f"{month}-labels.parquet")
        print(f"{month}: {part.height} flights")


if __name__ == "__main__":
    main(date.fromisoformat(sys.argv[1]), Path(sys.argv[2]))
