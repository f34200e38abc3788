"""Ids sort by time, and no two are the same."""

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.captures import ids


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 2**47)), min_size=1))
def test_ids_ascend_whatever_the_clock_does(calls: list[tuple[int, int]]) -> None:
    made = [one for count, now_ms in calls for one in ids.new_ids(count, now_ms)]
    assert made == sorted(set(made))


def test_an_id_is_a_uuid_of_version_7_and_tells_its_millisecond() -> None:
    source = ids._Source()
    (made,) = source.draw(1, 1_700_000_000_123)
    found = uuid.UUID(made)
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == 1_700_000_000_123


def test_an_overflow_within_a_millisecond_goes_on_ascending() -> None:
    source = ids._Source()
    before = list(source.draw(1, 1))
    source._low, source._high = (1 << 62) - 1, 0xFFF
    after = list(source.draw(2, 1))
    assert list(before) < after
    assert after == sorted(set(after))
    assert all(uuid.UUID(one).version == 7 for one in after)


def test_threads_never_make_the_same_id() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [one for part in pool.map(ids.new_ids, [500] * 8) for one in part]
    assert len(set(made)) == 4000


def test_a_forked_child_makes_other_ids_than_its_parent() -> None:
    ids.new_ids(1, 2**47)  # far ahead: parent and child stay in this millisecond
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, ids.new_ids(1, 2**47)[0].encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    assert os.read(reading, 100).decode() != ids.new_ids(1, 2**47)[0]
    os.close(reading)


@given(st.integers(9, 60), st.integers(-70, 70), st.integers(-70, 70), st.sampled_from([1, 2, -1]))
def test_many_ids_are_a_sequence_as_a_list_is(count: int, start: int, stop: int, step: int) -> None:
    made = ids.new_ids(count)
    assert isinstance(made, ids.Ids)
    listed = list(made)
    assert list(made[start:stop:step]) == listed[start:stop:step]
    assert [made[k] for k in range(-count, count)] == listed * 2
    assert msgspec.json.decode(made.json()) == listed
    assert ids.Ids.joined([made, made]).decode() == "".join(listed) * 2
    with pytest.raises(IndexError):
        made[count]
