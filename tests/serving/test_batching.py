"""Requests go together under load, answer what each would alone, and fail alone."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.models.outputs import Outputs
from trueup.models.port import ModelFailed
from trueup.serving.batching import LONGEST_S, Batcher, runs_here, taken_together
from trueup.serving.forms import Timing

QUICK, SLOW = Timing(1e-5, 1e-7), Timing(0.5, 0.0)


class Doubling:
    """Doubles numbers; fails on negative ones, as a model may."""

    coded = True
    says = "a test"
    why = ""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.go = Event()
        self.go.set()

    def predict(self, taken: Any) -> Outputs:
        self.go.wait(30)
        self.calls.append(taken.shape[1])
        if (taken < 0).any():
            raise ValueError("negative")
        return {"prediction": taken[0] * 2}


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def rows(*values: float) -> Any:
    return np.array([values])


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(1, 100), st.integers(1, 4))
def test_what_goes_together_is_never_nothing_and_never_too_much(
    waiting: list[int], most: int, workers: int
) -> None:
    for timing in (QUICK, SLOW, Timing(1e-3, 1e-3)):
        count = taken_together(waiting, timing, most, workers)
        assert 1 <= count <= len(waiting)
        together = sum(waiting[:count])
        longest_s = max(LONGEST_S, timing.of(waiting[0]) + timing.fixed_s)
        assert count == 1 or (together <= most and timing.of(together) <= longest_s)


def test_a_call_that_costs_much_whatever_its_rows_are_is_made_once_for_all_that_wait() -> None:
    assert taken_together([1] * 64, Timing(0.05, 1e-4), 1000, workers=2) == 64
    assert taken_together([1] * 64, Timing(0.05, 0.02), 1000) == 3
    assert taken_together([1] * 64, Timing(0.0, 0.05), 1000) == 1


def test_costly_rows_are_shared_out_among_free_threads() -> None:
    assert taken_together([1] * 8, Timing(0.0, 1e-3), 1000, workers=2) == 4
    assert taken_together([1] * 8, Timing(1e-3, 1e-6), 1000, workers=2) == 8


def test_short_work_stays_on_the_loop() -> None:
    assert runs_here(QUICK, 1)
    assert not runs_here(SLOW, 1)


def test_one_alone_is_answered_at_once_and_without_a_thread(pool: ThreadPoolExecutor) -> None:
    form = Doubling()
    batcher = Batcher(form, QUICK, pool, 2, 100)
    asking = batcher.answer(rows(3), 1, alone=True)
    with pytest.raises(StopIteration) as answered:
        asking.send(None)
    assert answered.value.value["prediction"].tolist() == [6]


@pytest.mark.parametrize("timing", [QUICK, Timing(3e-3, 0.0)])
def test_each_gets_its_own_rows_back(pool: ThreadPoolExecutor, timing: Timing) -> None:
    form = Doubling()

    async def ask() -> list[Outputs]:
        batcher = Batcher(form, timing, pool, 2, 100)
        asked = (batcher.answer(rows(*[k] * (k + 1)), k + 1, alone=False) for k in range(10))
        return await asyncio.gather(*asked)

    for k, one in enumerate(asyncio.run(ask())):
        assert one["prediction"].tolist() == [2 * k] * (k + 1)
    assert len(form.calls) < 10


def test_rows_that_fail_fail_nobody_else(pool: ThreadPoolExecutor) -> None:
    async def ask() -> list[Any]:
        batcher = Batcher(Doubling(), QUICK, pool, 2, 100)
        asked = [batcher.answer(rows(one), 1, alone=False) for one in (1, -1, 3)]
        return await asyncio.gather(*asked, return_exceptions=True)

    first, second, third = asyncio.run(ask())
    assert (first["prediction"].tolist(), third["prediction"].tolist()) == ([2], [6])
    assert isinstance(second, ModelFailed)
    assert "negative" in second.problem


def test_who_has_given_up_costs_nothing_more(pool: ThreadPoolExecutor) -> None:
    form = Doubling()
    form.go.clear()

    async def ask() -> None:
        batcher = Batcher(form, SLOW, pool, 1, 1)
        first = asyncio.create_task(batcher.answer(rows(1), 1, alone=False))
        second = asyncio.create_task(batcher.answer(rows(2), 1, alone=False))
        third = asyncio.create_task(batcher.answer(rows(3), 1, alone=False))
        await asyncio.sleep(0)
        second.cancel()
        form.go.set()
        assert (await first)["prediction"].tolist() == [2]
        assert (await third)["prediction"].tolist() == [6]

    asyncio.run(ask())
    assert len(form.calls) == 2
