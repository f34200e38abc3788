"""YAML with the place of everything in it, read as 1.2, as DVC reads it."""

import gc
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from trueup.config.composer import Composer, Path, Spot, path_text
from trueup.config.mistakes import ConfigInvalid, Mistake
from trueup.config.records import Place

MAX_BYTES = 32_000_000


class Document:
    """A YAML text as plain values, which knows where each of them was written."""

    def __init__(self, file: str, value: Any, spot: Spot, *, templated: bool = False) -> None:
        self.file, self.value, self._spot = file, value, spot
        self.templated = templated  # the text has a ${ somewhere

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Return where the value under a path stands, or the nearest thing around it.

        ``of_key`` asks for the key's place instead of its value's.
        """
        line, column, inside = self._spot
        for depth, step in enumerate(path):
            try:
                found = inside[step]
            except (KeyError, IndexError, TypeError):
                break
            if isinstance(inside, dict):
                key_line, key_column, found = found
                if of_key and depth == len(path) - 1:
                    return Place(self.file, key_line + 1, key_column + 1, path_text(path))
            line, column, inside = found
        return Place(self.file, line + 1, column + 1, path_text(path))


def parse(content: bytes | str, file: str) -> Document:
    """Read one YAML document; every mistake that can be known together is raised together.

    An empty text is None. Aliases are followed, but a document that would unfold to more than a
    million nodes, or is nested deeper than 100, is refused before it takes memory.
    """
    text = decoded(content, file)
    composer = Composer(file)
    collecting = gc.isenabled()
    gc.disable()  # nothing made here is garbage yet; looking for it doubles the time
    try:
        _feed(composer, text, file)
    finally:
        if collecting:
            gc.enable()
    if composer.mistakes:
        raise ConfigInvalid(composer.mistakes)
    return Document(file, composer.value, composer.spot, templated="${" in text)


def decoded(content: bytes | str, file: str) -> str:
    """Return bytes as text without a byte order mark; not UTF-8 is an error with its line."""
    if len(content) > MAX_BYTES:
        _refuse(file, (0, 0), f"the file is larger than {MAX_BYTES // 1_000_000} MB", _LARGE)
    if isinstance(content, str):
        return content.removeprefix("\ufeff")
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, start = before.count(b"\n"), before.rfind(b"\n") + 1
        problem = f"the file is not UTF-8 text (byte 0x{content[error.start]:02x})"
        _refuse(file, (line, error.start - start), problem, "Save it as UTF-8.")


_LARGE = "Keep data out of it: name a file under deps instead."


def _refuse(file: str, at: tuple[int, int], problem: str, remedy: str) -> NoReturn:
    place = Place(file, at[0] + 1, at[1] + 1, "$")
    raise ConfigInvalid([Mistake(problem, remedy, place)])


def _feed(composer: Composer, text: str, file: str) -> None:
    from yaml.error import MarkedYAMLError
    from yaml.reader import ReaderError

    try:
        for event in events(text):
            composer.actions[type(event).__name__](event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (mark.line, mark.column) if mark else (0, 0)
        tab = text[mark.index : mark.index + 1] == "\t" if mark else False
        problem, remedy = _explained(str(error.problem or error.context or error), tab=tab)
        _refuse(file, at, problem, remedy)
    except ReaderError as error:
        at = _position(text, error)
        remedy = "Remove it, or write it as an escape in double quotes."
        _refuse(file, at, "a control character is not allowed here", remedy)


def events(text: str) -> Iterator[Any]:
    """Yield the parser's events, with their places; PyYAML's errors pass through."""
    next_event = _parser(text)
    while (event := next_event()) is not None:
        yield event


def _parser(text: str) -> Callable[[], Any]:
    try:
        from yaml._yaml import CParser
    except ImportError:  # PyYAML built without libyaml: the same, slower
        from yaml.parser import Parser
        from yaml.reader import Reader
        from yaml.scanner import Scanner

        class PureParser(Reader, Scanner, Parser):
            def __init__(self, text: str) -> None:
                Reader.__init__(self, text)
                Scanner.__init__(self)
                Parser.__init__(self)

        pure: Callable[[], Any] = PureParser(text).get_event
        return pure
    quick: Callable[[], Any] = CParser(text).get_event
    return quick


def _position(text: str, error: Any) -> tuple[int, int]:
    found = re.search("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    before = text[: found.start() if found else error.position]
    return before.count("\n"), len(before) - before.rfind("\n") - 1


def _explained(problem: str, *, tab: bool) -> tuple[str, str]:
    if tab:
        return "a tab stands where YAML wants spaces", "Indent with spaces."
    if "cannot start any token" in problem:
        return f"YAML: {problem}", "Put the text in quotes."
    if "mapping values are not allowed" in problem:
        remedy = "Put a text that holds ': ' in quotes; else check the indentation above."
        return "YAML: a second ': ' on one line, or a wrong indentation", remedy
    return f"YAML: {problem}", "Check quotes, brackets and indentation here and just above."
