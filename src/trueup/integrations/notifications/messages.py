"""What is told, what was told before, and which channels took it."""

from datetime import datetime
from typing import Literal, Protocol, TypeAlias

import msgspec

Topic: TypeAlias = Literal["opened", "update", "resolved", "once"]
Level: TypeAlias = Literal["info", "warning", "failure", "success"]


class Telling(Protocol):
    """A message as the loop makes it; all of its words are taken for text that nobody vouches for.

    ``key`` is the same whenever the message is sent again; messages of one ``incident`` belong
    together.
    """

    @property
    def key(self) -> str:
        """By which a receiver can tell a second one."""
        ...

    @property
    def topic(self) -> Topic:
        """Whether something begins, goes on, is over, or is told once."""
        ...

    @property
    def title(self) -> str:
        """One line."""
        ...

    @property
    def says(self) -> str:
        """Lines of text."""
        ...

    @property
    def model(self) -> str:
        """What it is about."""
        ...

    @property
    def incident(self) -> str:
        """Which messages belong together; empty: this one alone."""
        ...

    @property
    def level(self) -> Level:
        """How bad it is."""
        ...


class Message(msgspec.Struct, frozen=True):
    """A Telling, for whoever has none of his own."""

    key: str
    topic: Topic
    title: str
    says: str
    model: str
    incident: str = ""
    level: Level = "info"


class Past(Protocol):
    """A message that went out, or was held back."""

    @property
    def at(self) -> datetime:
        """When."""
        ...

    @property
    def incident(self) -> str:
        """Of which incident it was."""
        ...

    @property
    def held(self) -> bool:
        """Whether it was held back."""
        ...


class Posted(msgspec.Struct, frozen=True):
    """Which channels took a message, and why the others did not: never with an address."""

    channels: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    held: bool = False
    says: tuple[str, ...] = ()
