"""trueup.lock is read strictly, written whole, and merged stage by stage."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.pipeline.inputs import Inputs, Locked
from trueup.pipeline.lock import (
    LockFile,
    LockUnreadable,
    format_lock,
    merge_locks,
    parse_lock,
    read_lock,
    write_lock,
)
from trueup.store.artifacts import Artifact

_entry = st.builds(
    lambda n: Locked(str(n) * 64, Inputs((f"cmd {n}",)), {"o": Artifact(str(n) * 64, n)}),
    st.integers(0, 3),
)
_locks = st.builds(LockFile, st.dictionaries(st.sampled_from("abcd"), _entry))


@given(_locks)
def test_a_lock_survives_the_file(lock: LockFile) -> None:
    assert parse_lock(format_lock(lock), "here") == lock


def test_a_project_without_a_lock_has_an_empty_one(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == LockFile()


def test_an_equal_lock_is_not_written_again(tmp_path: Path) -> None:
    write_lock(tmp_path, LockFile())
    before = (tmp_path / "trueup.lock").stat().st_mtime_ns
    write_lock(tmp_path, LockFile())
    assert (tmp_path / "trueup.lock").stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["trueup.lock"]


@pytest.mark.parametrize(
    ("body", "remedy"),
    [
        (b'{"format": 2, "stages": {}}', "Upgrade trueup"),
        (b'{"stages": {}\n<<<<<<< ours\n', "trueup lock --merge"),
        (b'{"stages": 3}', "Take it from Git again"),
        (b"not json", "Take it from Git again"),
    ],
)
def test_what_is_no_lock_is_refused_with_a_remedy(body: bytes, remedy: str) -> None:
    with pytest.raises(LockUnreadable, match=remedy):
        parse_lock(body, "trueup.lock")


@given(_locks, _locks)
def test_a_side_that_changed_nothing_changes_nothing_in_the_merge(
    base: LockFile, theirs: LockFile
) -> None:
    assert merge_locks(base, base, theirs) == theirs
    assert merge_locks(base, theirs, base) == theirs
    assert merge_locks(base, theirs, theirs) == theirs


@given(_locks, _locks, _locks)
def test_a_merge_invents_nothing_and_does_not_mind_the_sides(
    base: LockFile, ours: LockFile, theirs: LockFile
) -> None:
    merged = merge_locks(base, ours, theirs)
    assert merged == merge_locks(base, theirs, ours)
    for name, locked in merged.stages.items():
        assert locked in (ours.stages.get(name), theirs.stages.get(name))
