"""A message as plain text in which no column, no value and no name can be more than text."""

import re

from blake3 import blake3

from trueup.integrations.notifications.messages import Telling, Topic
from trueup.reporting.wording import visible

_JOINER = "\u2060"  # takes no room; without it the letters beside it call or lead nowhere
_LIVE = re.compile(r"@(?=\S)|:(?=//)|\](?=\()|<(?=[!@#/a-zA-Z])")
_TITLE, _LINE, _LINES = 160, 400, 40
_BEGINS: dict[Topic, str] = {
    "opened": "",
    "update": "Update: ",
    "resolved": "Resolved: ",
    "once": "",
}


def inert(text: str, most: int = _LINE) -> str:
    r"""Return one line that calls nobody, links nowhere and is no tag, whoever shows it.

    The text stays readable: an invisible letter is put where a mention, link or tag would begin.

    >>> inert("ok"), inert("a\nb"), inert("@all") == "@\u2060all"
    ('ok', 'a\\nb', True)
    """
    shown = visible(text)
    cut = shown if len(shown) <= most else f"{shown[: most - 1]}…"
    return _LIVE.sub(lambda found: found[0] + _JOINER, cut)


def title_of(message: Telling) -> str:
    """Return the title with what becomes of the incident."""
    return _BEGINS[message.topic] + inert(message.title, _TITLE)


def body_of(message: Telling, held: int = 0) -> str:
    """Return the text: what is said, what was held back before, and where it is from."""
    lines = [inert(line) for line in message.says.split("\n")]
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], f"and {len(lines) - _LINES} more lines"]
    if held:
        said = "message was" if held == 1 else "messages were"
        lines.append(f"{held} more {said} held back; see: trueup loop explain")
    lines += ["", f"trueup, {inert(message.model)}, {token(message.key)}"]
    return "\n".join(lines)


def token(name: str) -> str:
    """Return a name as letters and digits, for headers and keys of others."""
    return blake3(name.encode()).hexdigest()[:16]
