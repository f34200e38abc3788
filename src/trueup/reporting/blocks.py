"""What a report is made of: values that every renderer shows in its own way."""

from typing import Any, Literal, TypeAlias

import msgspec

Cell: TypeAlias = str | int | float | bool | None  # None: nothing is known, shown as -


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column of a table; numbers stand to the right, their points below each other."""

    name: str
    kind: Literal["text", "number"] = "text"
    unit: str = ""  # shown in the heading
    digits: int = 6  # significant ones, of numbers
    sign: bool = False  # a plus before positive numbers: changes


class Table(msgspec.Struct, frozen=True, omit_defaults=True, tag="table", tag_field="block"):
    """Rows under typed columns; every row has one cell for each column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    empty: str = "nothing"  # what to say in place of no rows
    detail: bool = False  # for pages only: a terminal or a comment has no room for it

    def __post_init__(self) -> None:
        """Refuse a row that does not fit: our own mistake, told where it is made."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of {len(row)} cells under {len(self.columns)} columns")


class Text(msgspec.Struct, frozen=True, tag="text", tag_field="block"):
    """A paragraph; or lines as they are, such as a piece of a log."""

    text: str
    verbatim: bool = False


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a verdict rests on; ``tolerated`` where leaving it open stops nobody."""

    name: str
    word: Literal["pass", "fail", "inconclusive", "not judged"]
    says: str = ""
    tolerated: bool = False


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True, tag="verdict", tag_field="block"):
    """What was judged, how it came out, and why. Checks are for machines: people get tables."""

    subject: str
    word: Literal["pass", "fail", "inconclusive"]
    reasons: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


class Chart(msgspec.Struct, frozen=True, omit_defaults=True, tag="chart", tag_field="block"):
    """A Vega-Lite specification, and the same in letters where no picture can be shown."""

    title: str
    spec: dict[str, Any]
    fallback: str
    detail: bool = False  # as of a table
    mermaid: str = ""  # the same for a comment, where it can be said in Mermaid


Block: TypeAlias = Table | Text | Verdict | Chart


class Report(msgspec.Struct, frozen=True):
    """A title and blocks, from top to bottom."""

    title: str
    blocks: tuple[Block, ...] = ()
    format: int = 1

    @property
    def brief(self) -> tuple[Block, ...]:
        """Return the blocks without those that are details."""
        return tuple(
            block
            for block in self.blocks
            if not (isinstance(block, Table | Chart) and block.detail)
        )
