"""Tables in files of each format, and what is said of those that are none."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from trueup.delivery.tables import column, read_table
from trueup.errors import WrongUsage

FRAME = pl.DataFrame(
    {"id": ["007", "8"], "score": [0.5, None], "late": [True, False], "carrier": ["UA", "B6"]}
)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "tsv", "jsonl", "ndjson", "arrow", "feather"])
def test_a_table_is_the_same_in_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table.{suffix}"
    writers: dict[str, Callable[[Path], object]] = {
        "parquet": FRAME.write_parquet,
        "csv": FRAME.write_csv,
        "tsv": lambda path: FRAME.write_csv(path, separator="\t"),
        "jsonl": FRAME.write_ndjson,
        "ndjson": FRAME.write_ndjson,
        "arrow": FRAME.write_ipc,
        "feather": FRAME.write_ipc,
    }
    writers[suffix](path)
    assert read_table(path, f"table.{suffix}").equals(FRAME)


def test_numbers_in_csv_are_numbers_unless_one_of_them_begins_with_zero(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("id,count,share,name\n1,-3,1e-3,x\n2,,nan,\n0012,4,2,3\n")
    found = read_table(path, "table.csv")
    assert found.dtypes == [pl.String, pl.Int64, pl.Float64, pl.String]
    assert found["count"].to_list() == [-3, None, 4]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("table.parquet", b"no parquet", "cannot be read"),
        ("table.parquet", b"", "cannot be read"),
        ("table.csv", b"", "cannot be read"),
        ("table.csv", b"a,b\n1,2,3,4\n", "cannot be read"),
        ("table.jsonl", b"{no json", "cannot be read"),
        ("table.arrow", b"ARROW1 broken", "cannot be read"),
        ("table.xlsx", b"PK", "no table is known by the suffix"),
    ],
)
def test_a_file_that_is_no_table_is_named(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WrongUsage, match=said) as caught:
        read_table(tmp_path / name, f"data/{name}")
    assert str(caught.value).startswith(f"data/{name}: ")


def test_a_file_that_is_not_there_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(WrongUsage, match="there is no such table"):
        read_table(tmp_path / "none.parquet", "none.parquet")
    with pytest.raises(WrongUsage, match="this is a folder"):
        read_table(tmp_path / "folder.parquet", "folder.parquet")


def test_a_missing_column_names_the_file_and_the_nearest() -> None:
    with pytest.raises(WrongUsage, match=r"data\.csv: .*'scor'.*evaluate\.id.*\n.*mean 'score'"):
        column(FRAME, "scor", "evaluate.id", "data.csv")
