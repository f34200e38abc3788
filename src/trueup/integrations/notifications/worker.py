"""The other side: sends one message through apprise, each channel in a thread of its own.

It is run as a script, without trueup: a line of JSON comes in, a line for each channel goes out.
Whatever libraries print or log stays here, for it may hold an address with its secret.
"""

import json
import logging
import os
import re
import sys
import threading
from importlib import import_module
from typing import Any

_ANSWERED = re.compile(r"error=(\d{3})\b")
_OUT = threading.Lock()


class Heard(logging.Handler):
    """Keeps of what apprise logs the one thing that may be told: how the other side answered."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Remember the answer by the thread that got it."""
        try:
            said = record.getMessage()
        except Exception:  # noqa: BLE001 - of a log line nothing may come but its answer
            return
        found = _ANSWERED.search(said)
        if found:
            self.words[threading.get_ident()] = f"it answered {found[1]}"
        elif "onnection" in said or "ocket" in said:
            self.words.setdefault(threading.get_ident(), "it could not be reached")


def _asset(apprise: Any) -> Any:
    asset = apprise.AppriseAsset(
        app_id="trueup",
        app_desc="trueup",
        async_mode=False,
        interpret_emojis=False,
        interpret_escapes=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    asset.http_redirects = False  # a message that is led elsewhere has not arrived
    return asset


def _services(apprise: Any, url: str) -> list[Any]:
    """Return what an address stands for; nothing where apprise does not know it."""
    many = apprise.Apprise(asset=_asset(apprise))
    return list(many) if many.add(url) else []


def _is_meant(service: Any, question: dict[str, Any]) -> bool:
    """Say whether a service wants it: whoever wakes people up has no place for good news."""
    is_news = question["topic"] == "once" and question["level"] in ("info", "success")
    return not (is_news and hasattr(service, "dedup"))


def _prepare(service: Any, question: dict[str, Any]) -> None:
    """Tell a service what it may not wait for, and by which key messages belong together."""
    service.socket_connect_timeout = question["connect_s"]
    service.socket_read_timeout = question["read_s"]
    if hasattr(service, "dedup"):
        service.dedup = question["thread"]
        service.action = "resolve" if question["topic"] == "resolved" else "trigger"
    if isinstance(getattr(service, "headers", None), dict):
        service.headers.update(
            {"X-Trueup-Thread": question["thread"], "X-Trueup-Key": question["token"]}
        )
    if isinstance(getattr(service, "payload_extras", None), dict):
        extras = {name: question[name] for name in ("key", "thread", "topic", "model")}
        service.payload_extras = {**extras, **service.payload_extras}


def sent(question: dict[str, Any], url: str, heard: Heard) -> str:
    """Send, and return why it did not arrive; empty: it did."""
    apprise = question["apprise"]
    if apprise is None:
        return "apprise is not installed (pip install 'trueup[notify]')"
    try:
        services = _services(apprise, url)
        if not services:
            return "its address is none that apprise knows"
        if question["check"]:
            return ""
        services = [one for one in services if _is_meant(one, question)]
        for service in services:
            _prepare(service, question)
        took = [
            service.notify(
                body=question["body"],
                title=question["title"],
                notify_type=apprise.NotifyType(question["level"]),
                body_format=apprise.NotifyFormat.TEXT,
            )
            for service in services
        ]
    except Exception as error:  # noqa: BLE001 - whatever it is, no channel may stop another
        return f"apprise failed with {type(error).__name__}"
    return "" if all(took) else heard.words.get(threading.get_ident(), "it did not take it")


def _tell(question: dict[str, Any], name: str, url: str, sink: tuple[Any, Heard]) -> None:
    out, heard = sink
    failed = sent(question, url, heard)
    with _OUT:
        _say(out, name, failed)


def _say(out: Any, name: str, failed: str) -> None:
    out.write(json.dumps({"channel": name, "failed": failed}) + "\n")
    out.flush()


def _ready() -> Any:
    """Return apprise with all its services loaded, which takes its time; None: it is not there."""
    try:
        apprise = import_module("apprise")
    except ImportError:
        return None
    apprise.Apprise().add("json://localhost")
    return apprise


def main() -> None:
    """Read the question, send on every channel at once, and end."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    question = json.loads(sys.stdin.readline())
    heard = Heard()
    logging.lastResort = None
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    logger.propagate = False
    question["apprise"] = _ready()
    _say(out, "", "")
    threads = [
        threading.Thread(target=_tell, args=(question, name, url, (out, heard)), daemon=True)
        for name, url in question["channels"]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
