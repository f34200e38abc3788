#!/usr/bin/env python3
"""Read anew which commits the actions' newest published tags name, and write their table.

Run it where there is a network: python scripts/actions.py [--check]. It ends with 1 under --check
where the table is not what the repositories publish.
"""

import json
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "src/trueup/ci/workflows/actions.json"
_TAG = re.compile(
    r"(?P<commit>[0-9a-f]{40})\trefs/tags/(?P<tag>v(\d+)\.(\d+)\.(\d+))(?P<peeled>\^\{\})?"
)


def newest(listed: str) -> tuple[str, str]:
    """Return the highest full version's tag and its commit, from what git ls-remote printed.

    An annotated tag has a commit of its own: the peeled line, with ``^{}``, names the one to use.
    """
    found: dict[tuple[int, ...], tuple[bool, str, str]] = {}
    for line in listed.splitlines():
        match = _TAG.fullmatch(line)
        if match is None:
            continue
        version = tuple(int(match[part]) for part in (3, 4, 5))
        one = (bool(match["peeled"]), match["tag"], match["commit"])
        found[version] = max(found.get(version, one), one)
    if not found:
        raise ValueError("there is no tag such as v1.2.3")
    _, tag, commit = found[max(found)]
    return tag, commit


def _read_anew(old: dict[str, str]) -> dict[str, str]:
    url = f"https://github.com/{old['action']}"
    tag, commit = newest(_git("ls-remote", "--tags", url))
    if (tag, commit) == (old["tag"], old["commit"]):
        return old
    return {"action": old["action"], "tag": tag, "commit": commit, "of": _day(url, commit)}


def _day(url: str, commit: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        _git("init", "--quiet", folder)
        _git("-C", folder, "fetch", "--quiet", "--depth=1", url, commit)
        return _git("-C", folder, "show", "--no-patch", "--format=%cs", commit).strip()


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout


def main(words: list[str]) -> int:
    """Write the table, or with --check only compare it."""
    table: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    actions = [_read_anew(one) for one in table["actions"]]
    if actions == table["actions"]:
        return 0
    for old, new in zip(table["actions"], actions, strict=True):
        if old != new:
            print(f"{old['action']}: {old['tag']} -> {new['tag']}", file=sys.stderr)
    if "--check" in words:
        return 1
    table |= {"read": f"{datetime.now(UTC):%Y-%m}", "actions": actions}
    TABLE.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
