"""Detectors found by name: built in, offered by packages, or functions of the project."""

from importlib.metadata import EntryPoint, EntryPoints
from typing import Any, get_args

import pytest

from trueup.config.model_entries import DriftEntry
from trueup.errors import WrongUsage
from trueup.monitoring.detectors.checking import MEASURED, check_detectors
from trueup.monitoring.detectors.functions import FunctionDetector
from trueup.monitoring.detectors.naming import BUILT_IN, GROUP, Catalogue, Offer
from trueup.monitoring.effects import Effect

THEIRS = EntryPoints(
    [
        EntryPoint("acme.far", f"{__name__}:acme", GROUP),
        EntryPoint("acme.gone", f"{__name__}:nothing", GROUP),
    ]
)


class Acme:
    """A detector of another package, which has something to end."""

    kind = "batch"

    def __init__(self, name: str) -> None:
        self.name, self.is_open = name, False

    def __enter__(self) -> "Acme":
        self.is_open = True
        return self

    def __exit__(self, *error: object) -> None:
        self.is_open = False


def acme(name: str) -> Acme:
    return Acme(name)


def test_what_another_package_offers_is_opened_by_its_name_and_ended_afterwards() -> None:
    catalogue = Catalogue(installed=THEIRS)
    assert catalogue.names == (*(one.name for one in BUILT_IN), "acme.far", "acme.gone")
    with catalogue.opened(["acme.far"]) as found:
        one: Any = found["acme.far"]
        assert one.name == "acme.far"
        assert one.is_open
    assert not one.is_open


def test_a_package_that_does_not_bring_what_it_offers_is_named() -> None:
    with pytest.raises(WrongUsage, match=r"acme\.gone could not be loaded from .*:nothing"):
        Catalogue(installed=THEIRS).find("acme.gone")


def test_a_missing_package_is_named_with_the_extra_that_brings_it() -> None:
    offer = Offer("river.adwin", "nowhere:at_all", "not_installed_anywhere", "river")
    with pytest.raises(WrongUsage, match="needs the package not_installed_anywhere") as error:
        Catalogue([offer]).find("river.adwin")
    assert error.value.remedy == "Install it: pip install 'trueup[river]'"


def test_every_name_that_is_built_in_leads_to_a_detector_of_that_name() -> None:
    for offer in BUILT_IN:
        assert Catalogue().find(offer.name).name == offer.name


def test_a_function_is_found_by_whoever_can_call_it_and_by_nobody_else() -> None:
    asked = []

    def functions(name: str) -> Any:
        asked.append(name)
        return lambda reference, window: 1.0

    assert isinstance(Catalogue().find("checks:far", functions), FunctionDetector)
    assert asked == ["checks:far"]
    with pytest.raises(WrongUsage, match="a function of a project"):
        Catalogue().find("checks:far")


def test_each_mistake_in_names_is_told_with_its_position() -> None:
    names = ("e_detektor", "e_detector", "psi", "checks:far", "checks:far", "no function:1")
    found = check_detectors(DriftEntry(detectors=names), Catalogue(installed=EntryPoints()))
    assert [(one.position, one.problem) for one in found] == [
        (0, "there is no detector 'e_detektor'"),
        (2, "psi is an effect, which is measured of every column anyway"),
        (4, "the detector checks:far is named twice"),
        (5, "'no function:1' names no function"),
    ]
    assert found[0].remedy.startswith("Did you mean 'e_detector'?")


def test_the_effects_are_known_by_all_their_names() -> None:
    assert set(MEASURED) <= set(get_args(Effect))
