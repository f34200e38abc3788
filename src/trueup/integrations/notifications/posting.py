"""Sends messages from a process of its own, which is ended when its time is up.

So no channel can hold up the loop, and what libraries print of an address is printed to nobody.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from trueup.integrations.notifications.channels import Channels
from trueup.integrations.notifications.limiting import Limits, held_before, is_held
from trueup.integrations.notifications.messages import Past, Posted, Telling
from trueup.integrations.notifications.wording import body_of, title_of, token

TIMEOUT_S = 30.0  # for all channels together; apprise alone takes a second or two to import
_CONNECT_S, _READ_S = 5.0, 10.0


class Courtesy(msgspec.Struct, frozen=True):
    """How much people are told, what they were told already, and what time it is."""

    limits: Limits = Limits()
    past: Callable[[], Iterable[Past]] = tuple
    now: Callable[[], datetime] | None = None  # None: nothing is held back


class _Line(msgspec.Struct):
    channel: str
    failed: str = ""


class Post:
    """Sends each message on all channels, at least once: one whose sending was not written down
    goes out again under the same key.

    PagerDuty and webhooks can tell the second from the first; a mail or a chat shows both. Nothing
    is raised: a channel that does not take a message is reported as dead.
    """

    def __init__(
        self,
        channels: Channels,
        environ: Mapping[str, str],
        courtesy: Courtesy | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._channels, self._environ = channels, dict(environ)
        self._courtesy, self._timeout_s = courtesy or Courtesy(), timeout_s

    def send(self, message: Telling) -> Posted:
        """Return which channels took it; held: too many went already, so the next one counts it."""
        courtesy = self._courtesy
        past = list(courtesy.past())
        if courtesy.now and is_held(message, past, courtesy.limits, courtesy.now()):
            return Posted(held=True)
        question = {
            "check": False,
            "title": title_of(message),
            "body": body_of(message, held_before(past)),
            "level": message.level,
            "topic": message.topic,
            "model": message.model,
            "key": message.key,
            "token": token(message.key),
            "thread": token(f"{message.model}/{message.incident}" if message.incident
                            else message.key),
        }  # fmt: skip
        return self._asked(question)

    def check(self) -> Posted:
        """Return which channels could be used, sending nothing."""
        return self._asked({"check": True})

    def _asked(self, question: Mapping[str, object]) -> Posted:
        there = self._channels.there
        unset = {name: f"{one} is not set" for name, one in self._channels.unset.items()}
        whole = {
            **question,
            "connect_s": _CONNECT_S,
            "read_s": _READ_S,
            "channels": [(one.name, one.url) for one in there],
        }
        answers, why = self._answers(msgspec.json.encode(whole) + b"\n") if there else ({}, "")
        failed = {**unset, **{one.name: answers.get(one.name, why) for one in there}}
        dead = {name: why for name, why in failed.items() if why}
        took = tuple(one.name for one in there if not failed[one.name])
        return Posted(took, tuple(dead), says=tuple(f"{name}: {why}" for name, why in dead.items()))

    def _answers(self, line: bytes) -> tuple[dict[str, str], str]:
        """Return what the process says of each channel, and why it says nothing of the others."""
        program = Path(__file__).with_name("worker.py")
        why = "the process that sends ended before it had"
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-W", "ignore", str(program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=self._environ,
            )
        except OSError as error:
            return {}, f"the process that sends could not be started: {error.strerror}"
        try:
            said, _ = process.communicate(line, timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            why = f"it did not answer within {self._timeout_s:g} s"
            _end(process)
            said, _ = process.communicate()
        finally:
            _end(process)
        found = {}
        for each in said.splitlines():
            with suppress(msgspec.MsgspecError):
                one = msgspec.json.decode(each, type=_Line)
                found[one.channel] = one.failed
        return found, why


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
