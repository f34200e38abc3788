"""The file says whose word counts on who somebody is."""

from pathlib import Path

import pytest

from trueup.config.load import load
from trueup.config.mistakes import ConfigInvalid
from trueup.config.records import Issuers

STAGES = "stages: {a: {cmd: x}}\n"
WHOLE = """identity:
  github: [acme]
  gitlab: {"https://git.acme.example/": [ml, acme/flights]}
  aws: ["012345678901", "arn:aws:sts::012345678901:assumed-role/approvers"]
  google: [acme.iam.gserviceaccount.com]
"""


def read(root: Path, text: str) -> Issuers:
    (root / "trueup.yaml").write_text(STAGES + text)
    return load(root).identity


def test_without_a_word_the_public_forges_count_and_no_cloud_does(tmp_path: Path) -> None:
    expected = Issuers(("*",), {"https://gitlab.com": ("*",)}, (), ())
    assert read(tmp_path, "") == read(tmp_path, "identity: {}\n") == Issuers() == expected


def test_what_the_file_names_stands_in_place_of_that(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE) == Issuers(
        ("acme",),
        {"https://git.acme.example": ("ml", "acme/flights")},
        ("012345678901", "arn:aws:sts::012345678901:assumed-role/approvers"),
        ("acme.iam.gserviceaccount.com",),
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{gitlab: {"http://git.acme.example": []}}', "is not the address of a server"),
        ("{gitlab: {git.acme.example: []}}", "is not the address of a server"),
        ('{gitlab: {"https://u:p@git.acme.example": []}}', "is not the address of a server"),
        ("{aws: [123456789012]}", "aws[0]"),
        ('{aws: ["*"]}', "aws[0]"),
        ("{gitlabs: {}}", "gitlabs"),
    ],
)
def test_what_can_name_nobody_is_refused(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        read(tmp_path, f"identity: {text}\n")
    assert place in str(refused.value)
