"""Who may believe whose results."""

from pathlib import Path

import pytest

from tests.support.counting import CountedBucket
from trueup.errors import WrongUsage
from trueup.store.folder import FolderBucket
from trueup.store.memory import MemoryBucket
from trueup.store.scopes import scope, scope_from


@pytest.mark.parametrize(
    ("name", "reads", "trusted"),
    [
        ("trusted", ("trusted",), True),
        ("pr/17", ("trusted", "pr/17"), False),
        ("dev/ada", ("trusted", "dev/ada"), False),
    ],
)
def test_a_scope_writes_its_own_and_reads_the_trusted_first(
    name: str, reads: tuple[str, ...], trusted: bool
) -> None:
    found = scope_from({"TRUEUP_SCOPE": name}, CountedBucket())
    assert (found.name, found.reads, found.is_trusted) == (name, reads, trusted)
    assert found.cache_key("k") == f"cache/{name}/k.json"
    assert found.cache_keys("k") == [f"cache/{one}/k.json" for one in reads]


def test_a_folder_and_memory_have_one_scope_which_is_trusted(tmp_path: Path) -> None:
    for bucket in (FolderBucket(tmp_path), MemoryBucket()):
        assert scope_from({"USER": "ada"}, bucket).is_trusted


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"USER": "ada"}, "dev/ada"),
        ({"LOGNAME": "Ada Lovelace/../x"}, "dev/ada-lovelace----x"),
        ({"USER": "", "USERNAME": "ÅDA"}, "dev/-da"),
        ({}, "dev/nobody"),
    ],
)
def test_in_a_remote_bucket_a_person_has_a_scope_of_his_own(env: dict[str, str], name: str) -> None:
    assert scope_from(env, CountedBucket()).name == name


@pytest.mark.parametrize(
    "name",
    ["Trusted", "pr", "pr/", "pr/x", "pr/1/2", "pr/٣", "dev/", "dev/../trusted", "ci/1", "/"],
)
def test_what_is_no_scope_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(WrongUsage, match="trusted, pr/<number> or dev/<name"):
        scope(name)
