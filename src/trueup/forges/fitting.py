"""Makes Markdown fit a forge: within its length, and without what it would take as a command."""

import re
from collections.abc import Iterator, Sequence

from trueup.reporting.wording import visible

GITHUB_MOST = 65_536  # characters of a body or a comment
GITLAB_MOST, GITLAB_NOTE_MOST = 1_048_576, 1_000_000  # of a description; of a comment
TITLE_MOST = 255  # GitLab's; GitHub takes one more
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_DETAILS = re.compile(r"\s*<(/?)details\b", re.IGNORECASE)
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")


def fitted(body: str, most: int, where: str = "") -> str:
    """Return Markdown of at most so many characters; that some had to go is said in the last line.

    Blocks go whole, from the end: a paragraph, a ``<details>`` as one. A table loses whole rows
    and a fence whole lines, and what is left of either is still one; a table says how many
    rows are gone. Where says where all of it is, such as "in the summary of the job".
    """
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    if length(body) <= most:
        return body
    note = f"_Shortened to fit; all of it is {where}._" if where else "_Shortened to fit._"
    left = most - length(note) - 2
    kept: list[str] = []
    for block in _blocks(body.split("\n")):
        size = sum(length(line) + 1 for line in block) + 1
        if size > left:
            kept += _part(block, left)
            break
        kept += [*block, ""]
        left -= size
    return "\n".join([*kept, note])


def length(text: str) -> int:
    """Return a text's length as the strictest of the forges counts: an emoji counts twice."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def titled(text: str) -> str:
    """Return text as a title: one line, nothing invisible, short enough for either forge."""
    line = " ".join(visible(text.replace("\n", " ")).split()) or "trueup"
    return line if len(line) <= TITLE_MOST else line[: TITLE_MOST - 1] + "…"


def same_text(theirs: str | None, ours: str) -> bool:
    """Tell whether a text is what we would write; forges change line ends and trim."""
    return (theirs or "").replace("\r\n", "\n").strip() == ours.strip()


def without_commands(body: str) -> str:
    r"""Return Markdown in which GitLab finds no quick action such as ``/merge``.

    A line that begins with a slash is one, also in a fence that GitLab takes to have ended
    earlier than it does. The escaped slash is shown as it was; in code a space comes before it.

    >>> without_commands("/close\n```\n/close\n```")
    '\\/close\n```\n /close\n```'
    """
    lines, fence = [], ""
    for line in body.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        fence = _after(line, fence)
        if line.startswith("/"):
            line = f" {line}" if fence else f"\\{line}"
        lines.append(line)
    return "\n".join(lines)


def _after(line: str, fence: str) -> str:
    """Return the fence that is open behind a line; empty where none is."""
    found = _FENCE.match(line)
    if not fence:
        opens = found and not (found[1][0] == "`" and "`" in line[found.end() :])
        return found[1] if found and opens else ""
    ends = found and found[1].startswith(fence) and not line[found.end() :].strip()
    return "" if ends else fence


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield runs of lines between blank ones; a fence and a ``<details>`` are never parted."""
    block: list[str] = []
    fence, deep = "", 0
    for line in lines:
        was = fence
        fence = _after(line, fence)
        if not (was or fence) and (found := _DETAILS.match(line)):
            deep += -1 if found[1] else 1
        if was or fence or deep > 0 or line.strip():
            block.append(line)
        elif block:
            yield block
            block, deep = [], 0
    if block:
        yield block


def _part(block: list[str], left: int) -> list[str]:
    """Return what of a block fits: rows of a table, lines of a fence, nothing of anything else."""
    if len(block) > 2 and "|" in block[0] and _RULE.fullmatch(block[1]):
        kept = _first(block, left - 60)
        gone = len(block) - len(kept)
        return [*kept, "", f"… and {gone} more rows", ""] if len(kept) > 2 else []
    found = _FENCE.match(block[0])
    if found:
        kept = _first(block[:-1], left - length(found[1]) - 4)
        return [*kept, "…", found[1], ""] if len(kept) > 1 else []
    return []


def _first(lines: Sequence[str], left: int) -> list[str]:
    kept = []
    for line in lines:
        left -= length(line) + 1
        if left < 0:
            break
        kept.append(line)
    return kept
