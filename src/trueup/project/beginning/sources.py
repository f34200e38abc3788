"""From the text of a script or notebook to what it reads and writes."""

import json
import posixpath
from collections.abc import Sequence
from typing import Any

from trueup.errors import TrueupError
from trueup.project.beginning.filecalls import FileCalls
from trueup.project.beginning.findings import Listing, Touched
from trueup.project.beginning.following import Following, parsed
from trueup.project.beginning.notes import Notes


class NotPython(ValueError):
    """A source that cannot be parsed; its message says where."""


def touched_by(path: str, listing: Listing, words: Sequence[str] | None = None) -> Touched:
    """Return what a script or notebook touches when started with these words; nothing is run.

    Raises NotPython.
    """
    text = listing.texts[path]
    notebook = path.endswith(".ipynb")
    try:
        tree = parsed(notebook_source(text) if notebook else text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        why = f"line {line}: {error}" if line else str(error)
        raise NotPython(f"it cannot be read: {why}") from error
    notes = Notes(listing, path)
    calls = FileCalls(notes, lambda file: settings(file, path, listing))
    Following(path, listing.texts.get, calls, notes, words).run(tree)
    return notes.touched(wdir=(posixpath.dirname(path) or ".") if notebook else None)


def notebook_source(text: str) -> str:
    """Return the code of a notebook's cells, without what only IPython understands.

    Raises ValueError for what is no notebook in Python.
    """
    try:
        tree = json.loads(text)
        cells = [cell for cell in tree["cells"] if cell["cell_type"] == "code"]
        sources = ["".join(cell["source"]) for cell in cells]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("it is no notebook of format 4") from error
    language = tree.get("metadata", {}).get("kernelspec", {}).get("language", "python")
    if language.lower() != "python":
        raise ValueError(f"it is in {language}")
    return "\n".join("\n".join(map(_plain_line, each.splitlines())) for each in map(_cell, sources))


def settings(file: str, script: str, listing: Listing) -> Any | None:
    """Return the values of a parameter file, looked for where the script may be started."""
    from trueup.config.yaml import parse

    folder = posixpath.dirname(script)
    for path in (file, posixpath.normpath(posixpath.join(folder, file))):
        text = listing.texts.get(path)
        if text is None:
            continue
        if path.endswith(".toml"):
            return _toml(text)
        try:
            return parse(text, path).value
        except TrueupError:
            return None
    return {} if listing.has(file) else None


def _toml(text: str) -> Any | None:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _cell(source: str) -> str:
    return "" if source.lstrip().startswith("%%") else source


def _plain_line(line: str) -> str:
    bare = line.lstrip()
    if bare.startswith(("%", "!")) or bare.rstrip().endswith("?"):
        return line[: len(line) - len(bare)] + "pass"
    return line
