"""``trueup.serve`` for notebooks and tests."""

from pathlib import Path

import pytest

import trueup
from tests.serving.servers import RECORD, httpx
from trueup.errors import WrongUsage


def test_a_server_runs_while_the_block_does(own_shop: Path) -> None:
    with trueup.serve("sale@live", folder=own_shop) as serving:
        answer = httpx.post(f"{serving.url}/predict", json=[RECORD])
        assert answer.json()["version"] == 1
        assert "shop/sale/1 answers as" in serving.log()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{serving.url}/ping")


def test_one_that_cannot_start_says_why(own_shop: Path) -> None:
    with (
        pytest.raises(WrongUsage, match=r"did not start.*no version"),
        trueup.serve("sale/9", folder=own_shop, workers=2),
    ):
        pass
