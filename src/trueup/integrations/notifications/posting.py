"""Sends messages on all channels, at least once; none of them can hold up the loop."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import msgspec

from trueup.integrations.notifications.channels import Channels
from trueup.integrations.notifications.limiting import Limits, held_before, is_held
from trueup.integrations.notifications.messages import Past, Posted, Telling
from trueup.integrations.notifications.sending import asked
from trueup.integrations.notifications.wording import body_of, title_of, token

TIMEOUT_S = 30.0  # for all channels together
_CONNECT_S, _READ_S = 5.0, 10.0


class Courtesy(msgspec.Struct, frozen=True):
    """How much people are told, what they were told already, and what time it is."""

    limits: Limits = Limits()
    past: Callable[[], Iterable[Past]] = tuple
    now: Callable[[], datetime] | None = None  # None: nothing is held back


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
        answers, why = dict[str, str](), ""
        if there:
            line = msgspec.json.encode(whole) + b"\n"
            answers, why = asked(line, len(there), self._environ, self._timeout_s)
        failed = {**unset, **{one.name: answers.get(one.name, why) for one in there}}
        dead = {name: why for name, why in failed.items() if why}
        took = tuple(one.name for one in there if not failed[one.name])
        return Posted(took, tuple(dead), says=tuple(f"{name}: {why}" for name, why in dead.items()))
