"""The grammar of a file of policies that a backtest compares: each like loop: of a model."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import field

from trueup.config.loop_entries import LoopEntry
from trueup.config.mistakes import ConfigInvalid, Mistake
from trueup.config.sections import Section, SectionShape
from trueup.config.shapes import WRONG, Reading
from trueup.config.yaml import parse
from trueup.errors import WrongUsage


class PolicyEntry(LoopEntry, frozen=True):
    """One policy: what loop: of a model may say, and whether the gate is asked."""

    gate: Annotated[
        Literal["on", "off"], "whether a candidate must pass the model's gate; off: none is judged"
    ] = "on"


class PoliciesFile(Section, frozen=True):
    """All policies of a file, by name."""

    policies: Annotated[dict[str, PolicyEntry], "policies by name"] = field(default_factory=dict)


def read_policies(path: Path, shown_as: str) -> dict[str, PolicyEntry]:
    """Return a file's policies; ConfigInvalid with all of its mistakes at once."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise WrongUsage(
            f"the file of policies cannot be read: {error.strerror or error}",
            remedy="Give one: --policies FILE, with policies: {NAME: {when: [...]}}",
            place=shown_as,
        ) from error
    document = parse(body, shown_as)
    reading = Reading(document)
    found = SectionShape(PoliciesFile).read(document.value, (), reading)
    mistakes = list(reading.mistakes)
    if found is not WRONG:
        for name in found.policies:
            if not name.strip() or "/" in name:
                place = document.place(("policies", name), of_key=True)
                mistakes.append(
                    Mistake(f"a policy cannot be called {name!r}", "Use no '/'.", place)
                )
    if mistakes:
        raise ConfigInvalid(mistakes)
    policies: dict[str, PolicyEntry] = found.policies
    if not policies:
        raise WrongUsage(
            "there is no policy in it",
            remedy="Write policies: {NAME: {when: [...]}}",
            place=shown_as,
        )
    return policies
