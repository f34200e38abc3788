"""What a value may be: records' types read as a grammar that checks, reads and describes itself."""

import re
from typing import Any, Protocol

from trueup.config.composer import Path
from trueup.config.mistakes import Mistake, shown
from trueup.config.records import Place
from trueup.config.units import Form
from trueup.errors import did_you_mean

WRONG: Any = object()  # what read() returns for a value that is not what it should be
TEMPLATE = "${"
_LISTED = 40


class Placed(Protocol):
    """Something that knows where a path is written: a Document."""

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """Return where the value under a path stands."""
        ...


class Reading:
    """Collects the mistakes of one document while its values are read.

    ``templates``: a text with ``${`` in it passes as anything; it is checked once resolved.
    """

    def __init__(self, document: Placed, *, templates: bool = False) -> None:
        self.document, self.templates = document, templates
        self.mistakes: list[Mistake] = []

    def wrong(self, path: Path, problem: str, remedy: str, *, of_key: bool = False) -> Any:
        """Note a mistake and return WRONG."""
        place = self.document.place(path, of_key=of_key)
        self.mistakes.append(Mistake(problem, remedy, place))
        return WRONG

    def unexpected(self, path: Path, wanted: str, value: Any) -> Any:
        """Note that a value is not what is wanted, and return WRONG."""
        remedy = "Write what is wanted, or remove the key."
        if wanted.startswith("text") and not isinstance(value, dict | list | None):
            remedy = "Put it in quotes."
        elif wanted.startswith("a list") and not isinstance(value, dict | None):
            remedy = f"Write a list: [{shown(value)}]"
        elif isinstance(value, str) and "number" in wanted:
            remedy = "Write it without quotes."
        return self.wrong(path, f"{wanted} is wanted, not {shown(value)}", remedy)


class Shape(Protocol):
    """One kind of value. ``expects`` is what messages call it."""

    expects: str

    def fits(self, value: Any) -> bool:
        """Say whether a value is of this kind, however wrong its inside may be."""
        ...

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return the value as what the records hold, or WRONG with the mistakes noted."""
        ...


class Anything:
    """Any value at all, kept as it is."""

    expects = "any value"

    def fits(self, value: Any) -> bool:
        """Say yes."""
        return True

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return the value."""
        return value


class Plain:
    """A value of plain types; a subclass says what else it must hold to."""

    def __init__(self, expects: str, kinds: type | tuple[type, ...]) -> None:
        self.expects, self._kinds = expects, kinds

    def fits(self, value: Any) -> bool:
        """Say whether the value has one of the types; true and false are no numbers."""
        return isinstance(value, self._kinds) and not isinstance(value, bool)

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return the value if it fits."""
        if self.fits(value):
            return value
        if reading.templates and isinstance(value, str) and TEMPLATE in value:
            return value
        return reading.unexpected(path, self.expects, value)


class Truth(Plain):
    """True or false."""

    def __init__(self) -> None:
        super().__init__("true or false", bool)

    def fits(self, value: Any) -> bool:
        """Say whether it is true or false; yes, no, on and off are text in YAML 1.2."""
        return isinstance(value, bool)


class Text(Plain):
    """Text, perhaps of a pattern."""

    def __init__(self, pattern: str = "", meaning: str = "text") -> None:
        super().__init__(meaning if pattern else "text", str)
        self.pattern = pattern

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return the text if it is one and has the pattern."""
        if not isinstance(value, str) or not self.pattern or re.fullmatch(self.pattern, value):
            return super().read(value, path, reading)
        if reading.templates and TEMPLATE in value:
            return value
        return reading.wrong(
            path, f"{self.expects} is wanted, not {shown(value)}", "Choose another."
        )


class Amount(Plain):
    """A number within bounds; ``above`` and ``below`` exclude the bound itself."""

    def __init__(
        self,
        *,
        whole: bool = False,
        least: float | None = None,
        most: float | None = None,
        above: float | None = None,
        below: float | None = None,
    ) -> None:
        bounds = {"at least": least, "at most": most, "above": above, "below": below}
        said = " and ".join(
            f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None
        )
        name = "a whole number" if whole else "a number"
        super().__init__(f"{name} {said}".rstrip(), int if whole else (int, float))
        self.whole, self.least, self.most, self.above, self.below = whole, least, most, above, below

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return the number if it lies within the bounds; not-a-number never does."""
        number = super().read(value, path, reading)
        if number is WRONG or isinstance(number, str):
            return number
        inside = (
            number == number
            and (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )
        return number if inside else reading.unexpected(path, self.expects, number)


class Choice(Plain):
    """One of a few words or numbers."""

    def __init__(self, words: tuple[Any, ...]) -> None:
        self.words = words
        self._legal = ", ".join(shown(word).strip("'") for word in words)
        super().__init__(f"one of {self._legal}", tuple({type(word) for word in words}))

    def fits(self, value: Any) -> bool:
        """Say whether the value has the type of one of them."""
        return any(type(value) is type(word) for word in self.words)

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return the word if it is one of them."""
        if self.fits(value) and value in self.words:
            return value
        if reading.templates and isinstance(value, str) and TEMPLATE in value:
            return value
        near = did_you_mean(value, map(str, self.words)) if isinstance(value, str) else ""
        problem = f"{shown(value)} is not known here"
        return reading.wrong(path, problem, f"{near}Legal: {self._legal}.")


class Formed(Plain):
    """Text of a form that has a meaning: a duration, a size, a rate."""

    def __init__(self, form: Form) -> None:
        super().__init__(form.name, str)
        self.form = form

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return what the text means: seconds, bytes, a Rate."""
        text = super().read(value, path, reading)
        if text is WRONG or (reading.templates and TEMPLATE in text):
            return text
        try:
            return self.form.read(text)
        except ValueError as error:
            why = f": {error}" if str(error) else ""
            problem = f"{self.expects} is wanted, not {shown(text)}{why}"
            return reading.wrong(path, problem, "Write it like the example.")


class ListOf:
    """A list, each item of one shape."""

    expects = "a list"

    def __init__(self, item: Shape) -> None:
        self.item = item

    def fits(self, value: Any) -> bool:
        """Say whether it is a list."""
        return isinstance(value, list)

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return the items as a tuple."""
        if not isinstance(value, list):
            return reading.unexpected(path, self.expects, value)
        item = self.item
        items = tuple([item.read(one, (*path, index), reading) for index, one in enumerate(value)])
        return WRONG if any(one is WRONG for one in items) else items


class MapOf:
    """A mapping of names to values of one shape."""

    expects = "a mapping"

    def __init__(self, item: Shape) -> None:
        self.item = item

    def fits(self, value: Any) -> bool:
        """Say whether it is a mapping."""
        return isinstance(value, dict)

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return the mapping; every key must be text."""
        if not isinstance(value, dict):
            return reading.unexpected(path, self.expects, value)
        read: dict[str, Any] = {}
        for key, one in value.items():
            if not isinstance(key, str):
                problem = f"a name must be text, not {shown(key)}"
                read[shown(key)] = reading.wrong((*path, key), problem, "Quote it.", of_key=True)
            else:
                read[key] = self.item.read(one, (*path, key), reading)
        return WRONG if any(one is WRONG for one in read.values()) else read


class Either:
    """The first of several shapes that fits."""

    def __init__(self, shapes: tuple[Shape, ...]) -> None:
        self.shapes = shapes
        self.expects = " or ".join(dict.fromkeys(shape.expects for shape in shapes))

    def fits(self, value: Any) -> bool:
        """Say whether any of them fits."""
        return any(shape.fits(value) for shape in self.shapes)

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return what the first fitting shape reads."""
        for shape in self.shapes:
            if shape.fits(value):
                return shape.read(value, path, reading)
        return reading.unexpected(path, self.expects, value)


def unknown_key(path: Path, key: Any, known: list[str], reading: Reading) -> None:
    """Note a key that nothing here has."""
    near = did_you_mean(key, known) if isinstance(key, str) else ""
    more = ", ..." if len(known) > _LISTED else ""
    legal = f"Legal here: {', '.join(known[:_LISTED])}{more}."
    reading.wrong((*path, key), f"unknown key {shown(key)}", near + legal, of_key=True)
