"""Clients that ask all the time while something is done to the server, and what they got."""

import threading
import time
from itertools import count
from types import TracebackType
from typing import Any

import msgspec

from tests.serving.servers import RECORD, Server, httpx

_NTH = count()


class Given(msgspec.Struct, frozen=True):
    """One answered request."""

    id: str
    sent_s: float  # by the monotonic clock
    answered_s: float
    version: int

    @property
    def took_s(self) -> float:
        """How long it took."""
        return self.answered_s - self.sent_s


class Load:
    """``with Load(server) as load:`` asks from some threads until the end of the block.

    Each request has an id of its own. ``failed`` has what was no answer with 200; while
    ``forgiving``, connections that break are not counted: the server was killed on purpose.
    """

    def __init__(self, server: Server, threads: int = 4, pause_s: float = 0.0) -> None:
        self.answered: list[Given] = []
        self.failed: list[str] = []
        self.forgiving = False
        self._nth = next(_NTH)
        self._url, self._pause_s = server.url, pause_s
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(k,)) for k in range(threads)]

    def __enter__(self) -> "Load":
        for one in self._threads:
            one.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; what is under way is waited for."""
        self._enough.set()
        for one in self._threads:
            one.join()

    @property
    def ids(self) -> set[str]:
        """The ids of all that was answered."""
        return {one.id for one in self.answered}

    @property
    def lasted_s(self) -> float:
        """For how long answers have come."""
        return self.answered[-1].answered_s - self.answered[0].answered_s if self.answered else 0.0

    def before(self, moment_s: float) -> set[str]:
        """Return the ids of what was answered before a moment of the monotonic clock."""
        return {one.id for one in self.answered if one.answered_s < moment_s}

    def slowest_s(self, share: float = 1.0) -> float:
        """Return the time within which a share of the requests was answered."""
        took = sorted(one.took_s for one in self.answered)
        return took[min(len(took) - 1, int(share * len(took)))]

    def _ask(self, thread: int) -> None:
        nth = 0
        with httpx.Client(base_url=self._url, timeout=30.0) as client:
            while not self._enough.wait(self._pause_s):
                nth += 1
                name = f"{self._nth}-{thread}-{nth}"
                sent_s = time.monotonic()
                try:
                    answer = client.post("/predict", json={"records": [RECORD], "ids": [name]})
                except httpx.TransportError as error:
                    if self.forgiving:
                        return
                    self.failed.append(repr(error))
                    continue
                self._take(answer, name, sent_s)

    def _take(self, answer: Any, name: str, sent_s: float) -> None:
        now_s = time.monotonic()
        if answer.status_code == 200:
            self.answered.append(Given(name, sent_s, now_s, answer.json()["version"]))
        else:
            self.failed.append(answer.text)
