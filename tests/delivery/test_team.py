"""A checkout that has nothing but the bucket judges beside a champion of somebody else's."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.test_delivering import PROJECT, noise, said
from tests.project.projects import write
from tests.support.seaweed import BUCKET, S3Server, seaweed

pytestmark = pytest.mark.s3


@pytest.fixture(scope="module")
def s3(weed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweed(weed, tmp_path_factory.mktemp("weed")) as running:
        yield running


def test_another_machine_compares_with_a_champion_that_only_the_bucket_has(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**s3.env, "TRUEUP_SCOPE": "trusted"}.items():
        monkeypatch.setenv(name, value)
    first = write(tmp_path / "first", PROJECT)
    text = (first / "trueup.yaml").read_text()
    (first / "trueup.yaml").write_text(f"store: s3://{BUCKET}/team\n{text}")
    split = (first / "split.py").read_text()
    order = '("train", 500), ("test", 3000)'
    (first / "split.py").write_text(split.replace(order, '("test", 3000), ("train", 500)'))
    second = tmp_path / "second"
    shutil.copytree(first, second)
    (second / "split.py").write_text(split.replace(order, '("test", 3000), ("train", 600)'))
    assert said(first, "run").exit_code == 0
    assert noise(second, 0.1).exit_code == 0
    assert said(second, "resolve", "sale").stdout.startswith("shop/sale/2")
    judged = json.loads(said(second, "gate", "sale/2", "--json").stdout)["judgements"][0]["verdict"]
    assert judged["left_out"]["seen_known"]
    asked = [one for one in judged["findings"] if one["question"] == "non_inferior"]
    assert [one["word"] for one in asked] == ["pass"]
