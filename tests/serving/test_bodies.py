"""What bodies may take of memory, one by one and together."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from trueup.serving.http.bodies import Bodies
from trueup.serving.limits import Limits
from trueup.serving.refusals import TooBusy, TooMuch, Unreadable

MB = 1 << 20
LIMITS = Limits(body_bytes=2 * MB, bodies_bytes=3 * MB)


class Sending:
    """A request whose body arrives in parts, or at once; it may break off."""

    def __init__(self, *parts: bytes, breaks_off: bool = False) -> None:
        self._parts, self._breaks_off = parts, breaks_off

    async def __call__(self) -> bytes:
        if self._breaks_off:
            raise RuntimeError("transport")
        return b"".join(self._parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part
        if self._breaks_off:
            raise RuntimeError("transport")


def read(bodies: Bodies, sending: Sending, length: int | None = None) -> bytes:
    headers: dict[str, Any] = {} if length is None else {"content-length": str(length)}
    return asyncio.run(bodies.read(SimpleNamespace(headers=headers), sending))


@pytest.mark.parametrize("length", [None, MB])
def test_bodies_together_are_bounded_until_one_is_let_go_of(length: int | None) -> None:
    bodies = Bodies([LIMITS])
    held = [read(bodies, Sending(bytes(MB)), length) for _ in range(3)]
    with pytest.raises(TooBusy, match="3145728 bytes"):
        read(bodies, Sending(bytes(MB)), length)
    bodies.let_go(held.pop())
    assert len(read(bodies, Sending(bytes(MB)), length)) == MB


def test_one_body_is_bounded_by_what_it_announces_and_by_what_arrives() -> None:
    bodies = Bodies([LIMITS])
    with pytest.raises(TooMuch):
        read(bodies, Sending(), 3 * MB)
    with pytest.raises(TooMuch):
        read(bodies, Sending(*[bytes(MB)] * 3))
    assert len(read(bodies, Sending(bytes(2 * MB)))) == 2 * MB


@pytest.mark.parametrize("length", [None, 100, MB])
def test_what_breaks_off_holds_nothing(length: int | None) -> None:
    bodies = Bodies([LIMITS])
    for _ in range(10):
        with pytest.raises(Unreadable):
            read(bodies, Sending(bytes(MB), breaks_off=True), length)
    assert [len(read(bodies, Sending(bytes(MB)))) for _ in range(3)] == [MB] * 3


def test_who_announces_much_and_sends_nothing_takes_no_room_from_others() -> None:
    async def waits() -> None:
        bodies = Bodies([LIMITS])

        class Silent(Sending):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                await asyncio.Event().wait()
                yield b""

        announced = SimpleNamespace(headers={"content-length": str(2 * MB)})
        silent = [asyncio.ensure_future(bodies.read(announced, Silent())) for _ in range(50)]
        await asyncio.sleep(0)
        body = await bodies.read(announced, Sending(bytes(2 * MB)))
        assert len(body) == 2 * MB
        for one in silent:
            one.cancel()
        await asyncio.gather(*silent, return_exceptions=True)

    asyncio.run(waits())
