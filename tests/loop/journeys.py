"""A shop that is watched and retrained day by day: captures, labels, ``monitor``, ``tick``."""

import subprocess
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.loop import shop as shops
from tests.loop.shop import FIRST, LIVE, said
from tests.project.projects import write
from tests.project.watched import served

DAY = timedelta(days=1)
PER_DAY = 150
LATE = 2  # days until it is known what became of a row


def shop(root: Path, monitor: str, loop: str, more: str = "", days: int = 60) -> Path:
    """Write the project, train its first version and make it champion.

    ``days`` are those of the rows that it is judged on, which are the reference, too.
    """
    lines = shops.CONFIGURATION.splitlines()
    at = next(nth for nth, line in enumerate(lines) if line.strip().startswith("monitor:"))
    text = "\n".join(
        [*lines[:at], f"        monitor: {monitor}", f"        loop: {loop}", more, ""]
    )
    root.mkdir(exist_ok=True)
    write(root, {"trueup.yaml": text, "prepare.py": shops.PREPARE, "train.py": shops.TRAIN})
    until = LIVE.strftime("%Y-%m-%dT%H:%M:%SZ")
    (root / "params.yaml").write_text(f'prepare:\n  until: "{until}"\n')
    shops.rows(FIRST, 60, 20, seed=1).write_csv(root / "raw.csv")
    shops.rows(FIRST - days * DAY, days, 60, seed=2).write_csv(root / "test.csv")
    (root / ".gitignore").write_text(".trueup/\n*.csv\n*.parquet\nmodel.skops\n")
    for words in (["init", "-q"], ["add", "--all"], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    assert said(root, "run") in (0, None)
    return root


def day(nth: int) -> datetime:
    """Return when a day begins that the first version is live."""
    return LIVE + nth * DAY


def quiet(nth: int) -> Any:
    """Return a day's rows, as the reference's."""
    return shops.rows(day(nth), 1, PER_DAY, seed=100 + nth)


def to_the_edge(table: Any) -> Any:
    """Move all of ``near`` to where both answers are as likely; what sells, given that, stays."""
    np = import_module("numpy")
    draw = np.random.default_rng(table.height + int(1e6 * table["near"][0]))
    other = (table["shop"] == "b").to_numpy()
    near = 0.6 - 0.4 * other + 0.05 * draw.normal(size=table.height)
    sold = near + other * 0.4 + 0.2 * draw.normal(size=table.height) > 0.6
    polars = import_module("polars")
    return table.with_columns(near=polars.Series(near), sold=polars.Series(sold.astype(int)))


def contrary(table: Any) -> Any:
    """Turn what sells round; the inputs stay as they are."""
    return table.with_columns(sold=1 - table["sold"])


def asked(root: Path, table: Any) -> None:
    """Have rows predicted and captured, at their times."""
    served(root, table)


def answered(root: Path, nth: int, table: Any) -> None:
    """Say what became of a day's rows; that was known two days later."""
    known = f"{day(nth + LATE):%Y-%m-%dT%H:%M:%SZ}"
    polars = import_module("polars")
    told = table.select("id", "sold", polars.lit(known).alias("known_at"))
    told.write_csv(root / f"labels-{nth}.csv")
    said(
        root, "captures", "import", "sale", str(root / f"labels-{nth}.csv"),
        "--id", "id", "--label", "sold", "--label-at", "known_at", "--only-labels",
    )  # fmt: skip


def at(nth: int) -> str:
    """Return a moment soon after a day has closed, for --now."""
    return f"{day(nth + 1) + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"
