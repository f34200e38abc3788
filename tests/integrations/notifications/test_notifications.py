"""What people are told reaches real servers, at least once, and takes no secret along."""

import logging
import os
import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from importlib import import_module
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integrations.notifications.servers import hook, mail_server
from trueup.config.target_entries import ChannelEntry, SecretName
from trueup.integrations.notifications import worker
from trueup.integrations.notifications.channels import Channel, Channels, channels_of
from trueup.integrations.notifications.limiting import Limits, held_before, is_held
from trueup.integrations.notifications.messages import Message, Past, Topic
from trueup.integrations.notifications.posting import Courtesy, Post
from trueup.integrations.notifications.wording import body_of, inert, title_of, token

pytest.importorskip("apprise")

NOW = datetime(2013, 9, 1, tzinfo=UTC)
SECRET = "T0K3N-canary-5f21"
MESSAGE = Message(
    key="incident/d1/opened",
    topic="opened",
    title="flights/flight-late: drift in 2 of 3 windows",
    says="temp has moved\nby 0.31",
    model="flights/flight-late",
    incident="d1",
    level="warning",
)


def post(*urls: str, timeout_s: float = 30.0) -> Post:
    named = [Channel(f"channel {k}", url) for k, url in enumerate(urls)]
    return Post(Channels(tuple(named)), os.environ, timeout_s=timeout_s)


def changed(**fields: Any) -> Message:
    return msgspec.structs.replace(MESSAGE, **fields)


def test_a_webhook_gets_the_message_with_the_keys_to_tell_a_second_one() -> None:
    with hook() as one:
        channel = post(one.url())
        found = [channel.send(MESSAGE) for _ in range(2)]
        channel.send(changed(key="incident/d1/resolved", topic="resolved", level="success"))
    assert [each.channels for each in found] == [("channel 0",)] * 2
    first, second, over = one.posted
    assert first == second  # at least once: the same key tells that it is the same
    assert first["title"] == "flights/flight-late: drift in 2 of 3 windows"
    assert first["message"].startswith("temp has moved\nby 0.31\n")
    assert (first["key"], first["topic"], first["type"]) == (MESSAGE.key, "opened", "warning")
    assert over["thread"] == first["thread"]
    assert over["title"].startswith("Resolved: ")
    assert one.headers[0]["X-Trueup-Key"] == token(MESSAGE.key)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what apprise loads
def test_pagerduty_gets_one_incident_that_is_resolved_and_no_good_news(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apprise, plugin = import_module("apprise"), import_module("apprise.plugins.pagerduty")
    common = {"apprise": apprise, "check": False, "thread": "t1", "token": "k1", "title": "a",
              "body": "b", "connect_s": 5.0, "read_s": 5.0}  # fmt: skip
    told = [("opened", "failure"), ("update", "warning"), ("resolved", "success"), ("once", "info")]
    with hook(status=202) as one:
        there = dict.fromkeys(plugin.PAGERDUTY_API_LOOKUP, f"http://127.0.0.1:{one.port}/")
        monkeypatch.setattr(plugin, "PAGERDUTY_API_LOOKUP", there)
        for topic, level in told:
            question = {**common, "topic": topic, "level": level}
            assert worker.sent(question, "pagerduty://key@api", worker.Heard()) == ""
    actions = [(each["event_action"], each["dedup_key"]) for each in one.posted]
    assert actions == [("trigger", "t1"), ("trigger", "t1"), ("resolve", "t1")]


def test_a_mail_server_gets_a_mail_of_plain_text() -> None:
    pytest.importorskip("aiosmtpd")
    with mail_server() as (mails, port):
        url = f"mailto://127.0.0.1:{port}?from=loop@example.org&to=ada@example.org&mode=insecure"
        found = post(url).send(changed(says="<b>temp</b> & @all"))
    assert found.channels == ("channel 0",)
    (mail,) = (message_from_bytes(one, policy=policy.default) for one in mails.content)
    assert mail["Subject"] == MESSAGE.title
    assert mail["X-Trueup-Thread"] == token("flights/flight-late/d1")
    body = mail.get_body(("plain",))
    assert body is not None
    assert "<\u2060b>temp<\u2060/b> & @\u2060all" in body.get_content()
    assert mail.get_body(("html",)) is None


def test_a_dead_channel_does_not_keep_another_from_hearing() -> None:
    with hook() as one, hook(status=403) as refusing, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        gone = f"json://127.0.0.1:{taken.getsockname()[1]}/"
        found = post(gone, one.url(), refusing.url(), "nonsense://x").send(MESSAGE)
    assert found.channels == ("channel 1",)
    assert found.dead == ("channel 0", "channel 2", "channel 3")
    assert found.says == (
        "channel 0: it could not be reached",
        "channel 2: it answered 403",
        "channel 3: its address is none that apprise knows",
    )
    assert len(one.posted) == 1


def test_a_channel_that_never_ends_is_ended() -> None:
    with hook(drip=True) as slow, hook() as quick:
        found = post(slow.url(), quick.url(), timeout_s=8.0).send(MESSAGE)
    assert found.channels == ("channel 1",)
    assert found.says == ("channel 0: it did not answer within 8 s",)


def test_a_process_that_cannot_send_is_told() -> None:
    with hook() as one:
        channels = Channels((Channel("log", one.url()),))
        found = Post(channels, {**os.environ, "PYTHONHOME": "/nowhere"}).send(MESSAGE)
    assert found.says == ("log: the process that sends ended before it had",)


def test_a_message_that_is_led_elsewhere_has_not_arrived() -> None:
    with hook(status=302) as moved:
        assert post(moved.url()).send(MESSAGE).says == ("channel 0: it answered 302",)


def test_no_secret_is_in_any_log_answer_or_repr(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    entry = ChannelEntry(url=SecretName(secret="HOOK"))
    with hook(status=500) as failing, caplog.at_level(logging.DEBUG):
        url = f"json://ada:{SECRET}@127.0.0.1:{failing.port}/{SECRET}?+X-Token={SECRET}"
        there = channels_of({"oncall": entry}, {"HOOK": url})
        found = Post(there, os.environ).send(MESSAGE)
        wrong = channels_of({"oncall": entry}, {"HOOK": f"no{SECRET}://{SECRET}"})
        unknown = Post(wrong, os.environ).send(MESSAGE)
    assert any(SECRET in path for path in failing.paths)  # it was used
    said = capfd.readouterr()
    for shown in (caplog.text, said.out, said.err, repr(there), repr(found), repr(unknown)):
        assert SECRET not in shown
    assert found.says == ("oncall: it answered 500",)


def test_a_variable_that_is_not_set_is_named_and_stops_no_other() -> None:
    entries = {
        "oncall": ChannelEntry(url=SecretName(secret="SLACK_URL")),
        "log": ChannelEntry(url="json://127.0.0.1:9/"),
    }
    found = Post(channels_of(entries, {"SLACK_URL": " "}), os.environ).check()
    assert found.channels == ("log",)
    assert found.says == ("oncall: SLACK_URL is not set",)


HOSTILE = (
    "@everyone <!channel> <@U123> [pay here](http://evil.example) <script>alert(1)</script>"
    "\x1b[2J{{secret}} `x` |table|"
)


def test_names_and_values_call_nobody_and_lead_nowhere() -> None:
    with hook() as one, hook() as chat:
        mattermost = chat.url("mmost", "abcdefghijklmnopqrstuvwxyz")
        post(one.url(), mattermost).send(changed(title=HOSTILE, says=HOSTILE))
    texts = [*map(str, one.posted[0].values()), chat.posted[0]["text"]]
    assert len(texts) > 4
    for text in texts:
        for live in ("@everyone", "<!", "<@", "](", "://evil", "<script", "\x1b"):
            assert live not in text
    assert "{{secret}}" in one.posted[0]["message"]  # as it was: nothing is put in its place


def test_a_model_cannot_end_a_line_or_make_a_title_of_many() -> None:
    message = changed(title="a\nb" * 200, says="x" * 10_000 + "\n" * 200)
    assert "\n" not in title_of(message)
    assert len(title_of(message)) < 200
    assert len(body_of(message)) < 700
    assert "and 161 more lines" in body_of(message)


@given(st.text(alphabet="@<>![](:/ab\n\x1b\u202e", max_size=40))
def test_inert_text_is_safe_and_loses_no_letter(text: str) -> None:
    found = inert(text)
    assert found.isprintable() or set(found) - {"\u2060"}
    assert "\n" not in found
    assert "](" not in found
    assert "://" not in found
    assert "<!" not in found


class Was(msgspec.Struct, frozen=True):
    at: datetime
    incident: str = ""
    held: bool = False


def went(count: int, incident: str = "", minutes: int = 1) -> list[Past]:
    return [Was(NOW - timedelta(minutes=minutes), incident) for _ in range(count)]


@pytest.mark.parametrize(
    ("topic", "past", "held"),
    [
        ("update", [], False),
        ("update", went(6, "d1"), True),
        ("update", went(6, "d2"), False),
        ("update", went(6, "d1", minutes=61), False),
        ("once", went(20), True),
        ("opened", went(20), False),
        ("resolved", went(29), False),
        ("resolved", went(30), True),
    ],
)
def test_a_flood_holds_updates_first_and_what_begins_last(
    topic: Topic, past: list[Past], held: bool
) -> None:
    assert is_held(changed(topic=topic), past, Limits(), NOW) is held


def test_what_was_held_back_is_counted_in_the_next_message() -> None:
    def past() -> Iterable[Past]:
        return [Was(NOW), Was(NOW, held=True), Was(NOW + timedelta(seconds=1), held=True)]

    assert held_before(past()) == 2
    with hook() as one:
        channels = Channels((Channel("log", one.url()),))
        Post(channels, os.environ, Courtesy(past=past)).send(MESSAGE)
        flood = Courtesy(past=lambda: went(40), now=lambda: NOW)
        assert Post(channels, os.environ, flood).send(MESSAGE).held
    assert len(one.posted) == 1
    assert "2 more messages were held back" in one.posted[0]["message"]


def test_the_loops_own_records_are_taken_as_they_are() -> None:
    from trueup.loop.events import MessageSent
    from trueup.loop.ports import Message as Told

    told = Told("k", "once", "title", "says", "flights/flight-late")
    sent = MessageSent(at=NOW, by="ada", key="k", held=True)
    with hook() as one:
        channels = Channels((Channel("log", one.url()),))
        found = Post(channels, os.environ, Courtesy(past=lambda: [sent])).send(told)
    assert found.channels == ("log",)
    assert "1 more message was held back" in one.posted[0]["message"]
