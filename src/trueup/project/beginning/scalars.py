"""Texts as YAML that reads them as they are."""

import json
import re

_PLAIN = re.compile(r"[A-Za-z_./][\w./@=+-]*( [\w./@=+-]+)*")
NOT_TEXT = re.compile(r"(?i)(true|false|yes|no|on|off|null|y|n|~|[.][\d_]+.*|[.](inf|nan))")


def scalar(text: str) -> str:
    """Return a text as YAML, in quotes where it would be read as something else.

    >>> scalar("data/raw.csv"), scalar("on"), scalar("a: b")
    ('data/raw.csv', '"on"', '"a: b"')
    """
    if _PLAIN.fullmatch(text) and not NOT_TEXT.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)
