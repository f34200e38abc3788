"""Read a page's fenced blocks, and do what they say, in order, in one folder.

A ``console`` block's lines that begin with ``$`` are commands; the lines below a command must occur
in what it says, in this order, with ``...`` for anything. A block with ``title="name"`` is written
to that file; a ``python`` block without one is run. ``exit=6`` is the code that the block's last
command must end with. ``no-run="reason"`` leaves a block out, and shows the reader nothing.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

# A page that needs minutes says so at its top, in a comment that readers do not see.
MARKS = re.compile(r"<!-- marks: ([a-z0-9, ]+) -->")
RUN = {"console", "python", "yaml", "toml", "json"}


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the words behind it, its text and where it stands."""

    language: str
    options: Mapping[str, str]
    text: str
    place: str


@dataclass(frozen=True)
class Command:
    """A command of a console block and what it must say."""

    line: str
    says: list[str] = field(default_factory=list)


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page that are to be written or run."""
    for token in MarkdownIt("commonmark").parse(page.read_text()):
        if token.type != "fence" or token.map is None:
            continue
        language, *words = shlex.split(token.info) or [""]
        pairs = (word.partition("=") for word in words)
        options = {name: value for name, _, value in pairs}
        if language in RUN and "no-run" not in options:
            yield Block(language, options, token.content, f"{page.name}:{token.map[0] + 1}")


def marks(page: Path) -> list[str]:
    """Return the pytest marks that a page asks for."""
    found = MARKS.search(page.read_text())
    return [mark.strip() for mark in found.group(1).split(",")] if found else []


def commands(text: str) -> Iterator[Command]:
    """Yield the commands of a console block; a backslash goes on to the next line."""
    command: Command | None = None
    for line in text.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            if command:
                yield command
            command = Command(line.removeprefix("$ "))
        elif command and line.strip():
            command.says.append(line)
    if command:
        yield command


class Walk:
    """Goes through a page's blocks; ``cd`` on a line of its own moves, as in a shell."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder, self.env = folder, env

    def do(self, block: Block) -> None:
        """Write the block's file, or run it and compare; AssertionError names the place."""
        code = int(block.options.get("exit", "0"))
        if title := block.options.get("title"):
            (self.folder / title).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / title).write_text(block.text)
        elif block.language == "python":
            self._run([sys.executable, "-c", block.text], code, block)
        elif block.language == "console":
            listed = list(commands(block.text))
            for number, command in enumerate(listed, 1):
                self._command(command, code if number == len(listed) else 0, block)

    def _command(self, command: Command, code: int, block: Block) -> None:
        if command.line.startswith("cd "):
            self.folder = (self.folder / command.line.removeprefix("cd ")).resolve(strict=True)
        else:
            _compare(command, self._run(["sh", "-c", command.line], code, block), block)

    def _run(self, arguments: list[str], code: int, block: Block) -> str:
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            env={**self.env, "PWD": str(self.folder)},
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
        )
        assert done.returncode == code, f"{block.place}: {arguments[-1]}\n{done.stdout}"
        return done.stdout


def _compare(command: Command, said: str, block: Block) -> None:
    rest = iter(said.splitlines())
    for wanted in command.says:
        pattern = ".*".join(re.escape(_even(part)) for part in re.split(r"\s*\.{3}\s*", wanted))
        found = any(re.search(pattern, _even(line)) for line in rest)
        assert found, f"{block.place}: {command.line!r} does not say {wanted!r}, but:\n{said}"


def _even(text: str) -> str:
    """Return the text with runs of blanks as one: how wide a column is, the page need not know."""
    return re.sub(r"\s+", " ", text)
