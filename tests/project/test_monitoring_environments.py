"""One version in two environments of one bucket: each is watched by its own captures."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.project.watched import LIVE, fitted, project, rows, said, states, watched
from trueup.captures.finding import Span, segments_in
from trueup.captures.layout import CAPTURES
from trueup.project.workspace import open_workspace

DAY = timedelta(days=1)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a shop whose first version is live in staging and in prod."""
    root = project(tmp_path / "shop")
    path = root / "trueup.yaml"
    path.write_text(path.read_text() + "environments: {staging: {}, prod: {}}\n")
    (root / "model.skops").write_bytes(fitted(5))
    said(root, "register", "sale")
    for environment in ("staging", "prod"):
        said(
            root, "promote", "sale/1", "--env", environment, "--override", "--why", "a test"
        )  # fmt: skip
    return root


def served(root: Path, table: Any, environment: str) -> None:
    name = f"{environment}-{len(list(root.glob('*.csv')))}"
    table.write_csv(root / f"{name}.csv")
    said(
        root, "predict", "sale", "--in", str(root / f"{name}.csv"), "--out",
        str(root / f"{name}.parquet"), "--at", "at", "--env", environment,
    )  # fmt: skip


def test_what_staging_answers_is_not_watched_in_prod(shop: Path) -> None:
    served(shop, rows(LIVE, 2, 100, seed=3), "prod")
    served(shop, rows(LIVE, 2, 80, seed=4, shift=0.35), "staging")
    prod, staging = (watched(shop, environment=name) for name in ("prod", "staging"))
    assert [one.rows for one in prod.checks] == [100, 100]
    assert [one.rows for one in staging.checks] == [80, 80]
    assert (states(prod), states(staging)) == (["quiet"] * 2, ["alarm"] * 2)


def test_captures_of_which_nobody_says_where_count_everywhere(shop: Path) -> None:
    served(shop, rows(LIVE, 1, 100, seed=3), "prod")
    bucket = open_workspace(shop, {}).bucket
    (one,) = segments_in(bucket, CAPTURES, "shop/sale")
    assert one.environment == "prod"
    bucket.create(one.key.replace("-prod.", "."), bucket.get(one.key))  # as it was written once
    bucket.delete([one.key])
    for name in ("prod", "staging"):
        assert [one.rows for one in watched(shop, environment=name).checks] == [100]
    found = segments_in(bucket, CAPTURES, "shop/sale", Span(environment="prod"))
    assert [one.environment for one in found] == [""]
