"""Detectors by their names: what is offered here, what other packages offer, the project's own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from trueup.errors import WrongUsage, did_you_mean

if TYPE_CHECKING:  # names are checked where neither NumPy nor polars is installed
    from importlib.metadata import EntryPoints

    from trueup.monitoring.detectors.functions import Compare
    from trueup.monitoring.detectors.port import Detector

GROUP = "trueup.detectors"  # of entry points
Make: TypeAlias = "Callable[[str], Detector]"
Functions: TypeAlias = "Callable[[str], Compare]"


class Offer(msgspec.Struct, frozen=True):
    """A name, and where that is made which answers to it: a function of the name."""

    name: str
    place: str  # module:function
    needs: str = ""  # a module that has to be there
    extra: str = ""  # of trueup, which brings it
    elsewhere: bool = False  # what is needed may be in an environment of its own

    def make(self) -> "Detector":
        """Return the detector; WrongUsage names the extra where its package is missing."""
        if self.needs and not self.elsewhere and find_spec(self.needs) is None:
            raise package_missing(self.name, self.needs, self.extra)
        module, _, name = self.place.partition(":")
        make: Make = getattr(import_module(module), name)
        return make(self.name)


BUILT_IN = (
    Offer("e_detector", "trueup.monitoring.detectors.evidence:evidence_detector"),
    Offer("domain_classifier", "trueup.monitoring.detectors.joint:domain_classifier"),
)


class Catalogue:
    """All names that monitor.drift.detectors may hold, beside the project's own functions."""

    def __init__(
        self, offers: Iterable[Offer] = (), installed: "EntryPoints | None" = None
    ) -> None:
        """Take what is offered beside what is built in, and entry points instead of those here."""
        self._offers = {one.name: one for one in (*BUILT_IN, *offers)}
        self._installed = installed

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name, those of other packages last."""
        return (*self._offers, *(name for name in self._others() if name not in self._offers))

    def find(self, name: str, functions: "Functions | None" = None) -> "Detector":
        """Return a detector; ``functions`` finds what module:function names, in its own process."""
        if is_function(name):
            if functions is None:
                raise WrongUsage(
                    f"{name} is a function of a project, and here is none",
                    remedy="Name it in the trueup.yaml of the project whose module it is.",
                )
            from trueup.monitoring.detectors.functions import FunctionDetector

            return FunctionDetector(name, functions(name))
        if name in self._offers:
            return self._offers[name].make()
        others = self._others()
        if name not in others:
            raise unknown(name, self.names)
        return _loaded(name, others[name])

    @contextmanager
    def opened(
        self, names: Sequence[str], functions: "Functions | None" = None
    ) -> "Iterator[dict[str, Detector]]":
        """Give detectors by their names; what any of them has started ends afterwards."""
        with ExitStack() as stack:
            found = {}
            for name in names:
                found[name] = self.find(name, functions)
                if isinstance(found[name], AbstractContextManager):
                    stack.enter_context(found[name])  # type: ignore[arg-type]  # just asked
            yield found

    def _others(self) -> dict[str, str]:
        if self._installed is None:
            from importlib.metadata import entry_points

            self._installed = entry_points(group=GROUP)
        return {one.name: one.value for one in self._installed}


def is_function(name: str) -> bool:
    """Say whether a name is module:function.

    >>> is_function("checks:moved"), is_function("river.adwin")
    (True, False)
    """
    return ":" in name


def unknown(name: str, known: Sequence[str]) -> WrongUsage:
    """Return that there is no such detector, with the nearest that there is."""
    near = did_you_mean(name, known)
    return WrongUsage(
        f"there is no detector {name!r}",
        remedy=f"{near}There are: {', '.join(known)}; or a function of yours, as module:function",
    )


def package_missing(name: str, package: str, extra: str) -> WrongUsage:
    """Return that a detector's package is not installed, and what to install."""
    return WrongUsage(
        f"{name} needs the package {package}, which is not installed here",
        remedy=f"Install it: pip install 'trueup[{extra}]'",
    )


def _loaded(name: str, place: str) -> "Detector":
    module, _, attribute = place.partition(":")
    try:
        make: Make = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise WrongUsage(
            f"the detector {name} could not be loaded from {place}: {error}",
            remedy=f"Install the package that brings it whole, or leave {name} out.",
        ) from error
    return make(name)
