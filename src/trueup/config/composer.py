"""Builds plain values, and where each stands, from the events of a YAML parser."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn

from trueup.config.mistakes import ConfigInvalid, Mistake, shown
from trueup.config.records import Place
from trueup.config.scalars import ScalarError, resolve, tagged
from trueup.errors import did_you_mean

MAX_NODES = 1_000_000  # with every alias counted as often as it is used
MAX_DEPTH = 100

# A spot is (line, column, inside), counted from 0; inside is None for a word, a list of spots for
# a list, and {key: (line, column, spot)} for a mapping.
Spot = tuple[int, int, Any]
Path = tuple[Any, ...]

_PATH_LIMIT = 160
_PLAIN_KEY = re.compile(r"[\w-]+")
_CORE = "tag:yaml.org,2002:"
_NOTHING: Any = object()
_MERGE: Any = object()


def path_text(path: Path) -> str:
    """Return a path as ``$.stages.train.deps[0]``; keys that are no plain word are quoted."""
    text = "$" + "".join(map(_step_text, path))
    return text if len(text) <= _PATH_LIMIT else f"{text[:_PATH_LIMIT]}..."


@lru_cache(maxsize=4096, typed=True)
def _step_text(step: Any) -> str:
    plain = isinstance(step, str) and _PLAIN_KEY.fullmatch(step)
    return f".{step}" if plain else f"[{shown(step)}]"


class _Frame:
    """A list or mapping whose end has not been read yet."""

    __slots__ = ("anchor", "column", "count", "height", "inside", "key", "line", "merged", "value")

    def __init__(self, event: Any, value: Any, inside: Any) -> None:
        self.value, self.inside, self.anchor = value, inside, event.anchor
        self.line, self.column = event.start_mark.line, event.start_mark.column
        self.count, self.height = 1, 1
        self.key: Any = _NOTHING
        self.merged: tuple[dict[Any, Any], dict[Any, Any]] | None = None


class Composer:
    """Builds values and spots from the parser's events."""

    def __init__(self, file: str) -> None:
        self.file, self.value, self.spot = file, None, (0, 0, None)
        self.mistakes: list[Mistake] = []
        self._documents = self._total = 0
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, Spot, int, int]] = {}
        self.actions: dict[str, Callable[[Any], None]] = {
            "ScalarEvent": self._scalar,
            "MappingStartEvent": self._mapping_start,
            "MappingEndEvent": self._mapping_end,
            "SequenceStartEvent": self._sequence_start,
            "SequenceEndEvent": self._sequence_end,
            "AliasEvent": self._alias,
            "DocumentStartEvent": self._document_start,
            "DocumentEndEvent": lambda event: None,
            "StreamStartEvent": lambda event: None,
            "StreamEndEvent": lambda event: None,
        }

    def _document_start(self, event: Any) -> None:
        self._documents += 1
        mark = event.start_mark
        if self._documents > 1:
            self._stop(mark, "a second YAML document begins here", "Keep one document in a file.")
        if event.version and event.version != (1, 2):
            self._stop(mark, "only YAML 1.2 is read", "Remove the %YAML directive.")

    def _stop(self, mark: Any, problem: str, remedy: str) -> NoReturn:
        self._wrong(mark.line, mark.column, problem, remedy)
        raise ConfigInvalid(self.mistakes)

    def _wrong(self, line: int, column: int, problem: str, remedy: str) -> None:
        steps: list[Any] = []
        for frame in self._stack:
            if not isinstance(frame.value, dict):
                steps.append(len(frame.value))
            elif frame.key is not _NOTHING:
                steps.append("<<" if frame.key is _MERGE else frame.key)
        place = Place(self.file, line + 1, column + 1, path_text(tuple(steps)))
        self.mistakes.append(Mistake(problem, remedy, place))

    def _scalar(self, event: Any) -> None:
        mark, tag, word = event.start_mark, event.tag, event.value
        value: Any
        try:
            if tag is not None and tag != "!":
                value = self._tagged(mark, tag, word)
            elif event.style:
                value = word
            elif word == "<<" and self._wants_key():
                value = _MERGE
            else:
                value = resolve(word)
        except ScalarError as error:
            self._wrong(mark.line, mark.column, str(error), "Put it in quotes if it is text.")
            value = word
        spot = (mark.line, mark.column, None)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, spot, 1, 0)
        self._add(value, spot, 1, 0, mark)

    def _tagged(self, mark: Any, tag: str, word: str) -> Any:
        name = tag.removeprefix(_CORE)
        if name in ("str", "int", "float", "bool", "null", "timestamp"):
            return tagged(name, word)
        self._unknown_tag(mark, tag)
        return word

    def _unknown_tag(self, mark: Any, tag: str) -> None:
        short = "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag
        problem = f"the tag {shown(short)} is not supported"
        self._wrong(mark.line, mark.column, problem, "Remove it; values are written plainly.")

    def _wants_key(self) -> bool:
        return bool(self._stack) and (
            isinstance(self._stack[-1].value, dict) and self._stack[-1].key is _NOTHING
        )

    def _start(self, event: Any, frame: _Frame, name: str) -> None:
        mark = event.start_mark
        if event.tag is not None and event.tag not in ("!", _CORE + name):
            self._unknown_tag(mark, event.tag)
        self._room(mark, 1, 1)
        if frame.anchor is not None:
            self._anchors.pop(frame.anchor, None)
        self._stack.append(frame)

    def _mapping_start(self, event: Any) -> None:
        self._start(event, _Frame(event, {}, {}), "map")

    def _sequence_start(self, event: Any) -> None:
        self._start(event, _Frame(event, [], []), "seq")

    def _mapping_end(self, event: Any) -> None:
        frame = self._stack[-1]
        if frame.merged:
            values, spots = frame.merged
            frame.value, frame.inside = {**values, **frame.value}, {**spots, **frame.inside}
        self._finish(event)

    def _sequence_end(self, event: Any) -> None:
        self._finish(event)

    def _finish(self, event: Any) -> None:
        frame = self._stack.pop()
        spot = (frame.line, frame.column, frame.inside)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.value, spot, frame.count, frame.height)
        self._total -= 1  # _add counts it once more
        self._add(frame.value, spot, frame.count, frame.height, event.start_mark, own=1)

    def _alias(self, event: Any) -> None:
        mark = event.start_mark
        if event.anchor not in self._anchors:
            if any(frame.anchor == event.anchor for frame in self._stack):
                self._stop(mark, f"*{event.anchor} stands inside itself", "Write it out.")
            hint = did_you_mean(event.anchor, self._anchors)
            self._stop(mark, f"no anchor &{event.anchor} above", f"{hint}Anchors come first.")
        value, spot, count, height = self._anchors[event.anchor]
        self._add(value, spot, count, height, mark)

    def _room(self, mark: Any, count: int, height: int) -> None:
        self._total += count
        if self._total > MAX_NODES:
            problem = f"more than {MAX_NODES:,} nodes, aliases unfolded"
            self._stop(mark, problem, "Keep data out of it; use fewer aliases.")
        if len(self._stack) + height > MAX_DEPTH:
            self._stop(mark, f"nested deeper than {MAX_DEPTH}", "Flatten it.")

    def _add(
        self, value: Any, spot: Spot, count: int, height: int, mark: Any, own: int = 0
    ) -> None:
        self._room(mark, own or count, height)
        if not self._stack:
            self.value, self.spot = value, spot
            return
        frame = self._stack[-1]
        frame.count += count
        if height >= frame.height:
            frame.height = height + 1
        if isinstance(frame.value, list):
            frame.value.append(value)
            frame.inside.append(spot)
        elif frame.key is _NOTHING:
            self._key(frame, value, spot)
        else:
            self._entry(frame, value, spot)

    def _key(self, frame: _Frame, key: Any, spot: Spot) -> None:
        if isinstance(key, dict | list):
            self._wrong(spot[0], spot[1], "a list or mapping cannot be a key here", "Use a word.")
            key = f"({spot[0]}:{spot[1]})"
        taken = frame.merged is not None if key is _MERGE else key in frame.value
        frame.key = key
        if taken:
            name = "<<" if key is _MERGE else key
            first = "" if key is _MERGE else f" (first on line {frame.inside[key][0] + 1})"
            problem = f"the key {shown(name)} stands here twice{first}"
            self._wrong(spot[0], spot[1], problem, "Keep one of them.")
        frame.inside[key] = (*spot[:2], spot)

    def _entry(self, frame: _Frame, value: Any, spot: Spot) -> None:
        key = frame.key
        if key is _MERGE:
            del frame.inside[key]
            self._merge(frame, value, spot)
        else:
            line, column, _ = frame.inside[key]
            frame.value[key] = value
            frame.inside[key] = (line, column, spot)
        frame.key = _NOTHING

    def _merge(self, frame: _Frame, value: Any, spot: Spot) -> None:
        parts = value if isinstance(value, list) else [value]
        spots = spot[2] if isinstance(value, list) else [spot]
        values: dict[Any, Any] = {}
        inside: dict[Any, Any] = {}
        for part, where in zip(parts, spots, strict=True):
            if not isinstance(part, dict):
                problem = f"'<<' merges mappings, not {shown(part)}"
                self._wrong(where[0], where[1], problem, "Name an anchor of a mapping.")
                continue
            values = {**part, **values}
            inside = {**where[2], **inside}
        frame.merged = (values, inside)
