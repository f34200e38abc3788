"""The grammar of where versions run, and where messages go."""

from typing import Annotated, Literal

from trueup.config.model_entries import RuleEntry
from trueup.config.sections import Section
from trueup.config.shapes import Amount


class TargetEntry(Section, frozen=True):
    """Where versions run."""

    target: Annotated[str, "kubernetes, sagemaker, ecs, compose ..."] = ""
    context: Annotated[str, "the cluster or account"] = ""
    mode: Annotated[Literal["follow", "pinned"] | None, "follow the alias, or pin in the image"] = (
        None
    )
    protected: Annotated[bool, "only a trusted scope may promote here"] = False
    approvals: Annotated[int, Amount(whole=True, least=0), "how many people must approve"] = 0
    rules: Annotated[tuple[RuleEntry, ...], "rules beside the model's own"] = ()


class SecretName(Section, frozen=True):
    """A value that is taken from the environment."""

    secret: Annotated[str, "the name of the environment variable that holds it"]


class ChannelEntry(Section, frozen=True):
    """Where messages go."""

    url: Annotated[str | SecretName, "the address, better as {secret: NAME}"]
