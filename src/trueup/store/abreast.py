"""Calls that wait for disk or network, several at a time."""

from collections.abc import Callable
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def abreast(call: Callable[[A], B], items: list[A], threads: int) -> list[B]:
    """Return what a call gives for each item, in their order; the first error is raised."""
    if len(items) < 2:
        return [call(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        try:
            return list(pool.map(call, items))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
