"""A workflow is started once for a decision, and its run is found again by it."""

import msgspec
import pytest

from tests.forges.standins.gitlab import GitLabStandIn
from tests.forges.standins.server import TOKEN, Fault
from tests.forges.worlds import World
from trueup.errors import WrongUsage
from trueup.forges.credentials import Fixed, Token
from trueup.forges.failures import ForgeSilent
from trueup.forges.port import Order

ORDER = Order(
    "d-0001-flight-late", "main", "trueup-retrain.yml", inputs={"prepare.until": "2013-03-01"}
)


def starts(world: World) -> int:
    return sum("dispatch" in write or "pipeline" in write for write in world.standin.writes)


def test_a_run_is_started_once_for_a_decision_and_found_again(world: World) -> None:
    runs = world.dispatcher()
    assert runs.dispatched(ORDER) is None
    runs.dispatch(ORDER)
    found = runs.dispatch(ORDER)
    assert starts(world) == 1
    assert found == runs.dispatched(ORDER)
    assert (found.id, found.progress) == (1, "waiting")


@pytest.mark.parametrize(("well", "progress"), [(True, "success"), (False, "failure")])
def test_how_a_run_ended_is_seen(world: World, well: bool, progress: str) -> None:
    world.dispatcher().dispatch(ORDER)
    world.standin.finish(1, well=well)
    found = world.dispatcher().dispatched(ORDER)
    assert found is not None
    assert found.progress == progress


def test_a_start_whose_answer_was_lost_is_found_and_not_repeated(world: World) -> None:
    world.standin.faults.append(Fault(method="POST", lose=True))
    with pytest.raises(ForgeSilent):
        world.dispatcher().dispatch(ORDER)
    world.dispatcher().dispatch(ORDER)
    assert starts(world) == 1


def test_another_decision_with_a_similar_name_is_another_run(world: World) -> None:
    world.dispatcher().dispatch(ORDER)
    other = msgspec.structs.replace(ORDER, decision=ORDER.decision + "r")
    assert world.dispatcher().dispatched(other) is None
    world.dispatcher().dispatch(other)
    assert starts(world) == 2


def test_a_run_is_found_among_hundreds_of_others(world: World) -> None:
    world.dispatcher().dispatch(ORDER)
    for number in range(60):
        world.dispatcher().dispatch(msgspec.structs.replace(ORDER, decision=f"d-1{number:05}"))
    world.standin.page_most = 100
    found = world.dispatcher().dispatched(ORDER)
    assert found is not None
    assert found.id == 1


def test_an_event_starts_a_workflow_of_github_and_is_found_again(github: World) -> None:
    order = Order("d-0002", "main", event="trueup-retrain")
    assert github.dispatcher().dispatch(order).progress == "asked"
    assert github.dispatcher().dispatch(order).id == 1
    assert starts(github) == 1


def test_an_order_on_github_names_a_workflow_or_an_event(github: World) -> None:
    with pytest.raises(WrongUsage, match="one of them"):
        github.dispatcher().dispatch(Order("d-0002", "main"))


@pytest.mark.parametrize("decision", ["", "two words", "short", "x" * 300, "-d-00001", "d|`<b>x"])
def test_a_decision_that_no_title_can_be_searched_for_is_refused(
    world: World, decision: str
) -> None:
    with pytest.raises(WrongUsage, match="found again"):
        world.dispatcher().dispatch(msgspec.structs.replace(ORDER, decision=decision))


def test_a_nameless_pipeline_is_found_by_its_variables(gitlab: World) -> None:
    standin = gitlab.standin
    assert isinstance(standin, GitLabStandIn)
    standin.named = False
    gitlab.dispatcher().dispatch(ORDER)
    assert gitlab.dispatcher().dispatch(ORDER).id == 1
    assert standin.pipelines[0]["variables"] == {
        "TRUEUP_DECISION": ORDER.decision,
        "TRUEUP_PREPARE_UNTIL": "2013-03-01",
    }


def test_a_job_triggers_a_pipeline_with_its_own_token(gitlab: World) -> None:
    runs = gitlab.dispatcher(Fixed(Token(TOKEN, "job", "CI_JOB_TOKEN")))
    assert runs.dispatch(ORDER).id == 1
    assert gitlab.standin.writes == ["POST /projects/acme%2Fflights/trigger/pipeline"]


def test_two_inputs_that_would_be_one_variable_are_refused(gitlab: World) -> None:
    order = msgspec.structs.replace(ORDER, inputs={"a.b": "1", "a_b": "2"})
    with pytest.raises(WrongUsage, match="TRUEUP_A_B"):
        gitlab.dispatcher().dispatch(order)
