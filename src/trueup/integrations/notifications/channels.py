"""Where messages go: names from trueup.yaml, addresses from the environment, shown to nobody."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trueup.config.target_entries import ChannelEntry, SecretName


@dataclass(frozen=True)
class Channel:
    """A name, and an address that apprise knows; its repr has no address."""

    name: str
    url: str = field(repr=False)


@dataclass(frozen=True)
class Channels:
    """Those that can be used, and by name the variables that are not set."""

    there: tuple[Channel, ...] = ()
    unset: Mapping[str, str] = field(default_factory=dict)


def channels_of(notify: Mapping[str, ChannelEntry], environ: Mapping[str, str]) -> Channels:
    """Return the channels that ``notify:`` names; a variable that is not set stops no other."""
    there, unset = [], {}
    for name, entry in notify.items():
        if not isinstance(entry.url, SecretName):
            there.append(Channel(name, entry.url))
        elif environ.get(entry.url.secret, "").strip():
            there.append(Channel(name, environ[entry.url.secret].strip()))
        else:
            unset[name] = entry.url.secret
    return Channels(tuple(there), unset)
