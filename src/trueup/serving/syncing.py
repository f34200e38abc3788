"""One sync for all who wait: what is answered as kept survives a crash, at a sync for many."""

import asyncio
from typing import Protocol


class Drain(Protocol):
    """Returns when everything taken until now is synced; False where that takes longer."""

    def __call__(self, *, timeout_s: float) -> bool:
        """Wait; called in a thread."""
        ...


class Syncing:
    """Who asks while a sync is under way shares the next one, for that one has his rows too."""

    def __init__(self, drain: Drain) -> None:
        self._drain = drain
        self._next: asyncio.Future[bool] | None = None
        self._task: asyncio.Task[None] | None = None
        self.syncs = 0

    async def synced(self, timeout_s: float) -> bool:
        """Return when what was taken before is synced; False where that did not come about."""
        loop = asyncio.get_running_loop()
        if self._next is None:
            self._next = loop.create_future()
        waited = self._next
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run(timeout_s))
        return await asyncio.shield(waited)

    async def _run(self, timeout_s: float) -> None:
        while self._next is not None:
            now, self._next = self._next, None
            self.syncs += 1
            kept = False
            try:
                kept = await asyncio.to_thread(self._drain, timeout_s=timeout_s)
            finally:
                now.set_result(kept)
