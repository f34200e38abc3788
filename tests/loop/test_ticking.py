"""One pass of the loop over a real registry: fenced workers, freezes, silence, dry runs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.loop.scenes import MODEL, Freeze, after, drift, policy, windows
from tests.loop.world import World, loop_of
from tests.support.faultproxy import FaultProxy, at_random
from tests.support.seaweed import BUCKET, S3Server, seaweed
from trueup import clock
from trueup.errors import NotProven, RemoteSilent, StageFailed
from trueup.loop.events import Acted, Decided, Ended
from trueup.loop.explaining import Explanation, explained, record_of, ticked_record, ticked_report
from trueup.loop.history import Course, History
from trueup.loop.journal import Journal
from trueup.loop.points import POINTS
from trueup.loop.ports import Training
from trueup.loop.steps import MOST_EPOCHS, MOST_LEFT, Finish, next_step
from trueup.loop.ticking import Ticked, tick
from trueup.registry.records import Promoted
from trueup.reporting.markdown import render_markdown
from trueup.reporting.plain_json import render_json
from trueup.store.bucket import Bucket
from trueup.store.memory import MemoryBucket
from trueup.store.opening import open_bucket

LOOP = policy(drift(1, 1))
NOW = after(1.5)


def world_of(bucket: Bucket | None = None) -> World:
    world = World(bucket if bucket is not None else MemoryBucket())
    world.begin()
    return world


def passed(
    world: World, by: Any = LOOP, now: datetime = NOW, shown: str = "D", **how: Any
) -> Ticked:
    """Make one pass."""
    dry = how.pop("dry_run", False)
    return tick(loop_of(world, by, lambda at: windows(shown), **how), now, dry_run=dry)


def history_of(world: World) -> History:
    return Journal(world.bucket, MODEL).history()


def course_of(world: World) -> Course:
    (found,) = history_of(world).courses.values()
    return found


def promotions(world: World) -> int:
    return sum(isinstance(one, Promoted) for one in world.history().events)


def test_a_second_pass_does_nothing_more() -> None:
    world = world_of()
    assert [one.end for one in passed(world).carried] == ["promoted"]
    number = history_of(world).number
    again = passed(world)
    assert (again.decision.actions, again.carried, again.messages) == ((), (), 0)
    assert history_of(world).number == number


def test_a_dry_run_writes_nothing_and_says_what_would_be_done() -> None:
    world = world_of()
    found = passed(world, dry_run=True)
    assert [one.do for one in found.decision.actions if isinstance(one, Decided)] == ["retrain"]
    assert history_of(world).number == 0
    assert "(dry run: nothing is written)" in ticked_report(found).title


def test_a_worker_that_was_taken_for_dead_writes_nothing_more() -> None:
    world = world_of()
    later = lambda: clock.now() + timedelta(hours=1)  # noqa: E731 - a clock

    def asleep(point: str) -> None:
        if point == "promote made":
            assert [one.end for one in passed(world, clock=later).carried] == ["promoted"]

    (carried,) = passed(world, point=asleep).carried
    assert "was taken up by somebody else" in carried.says
    course = course_of(world)
    assert course.epoch == 2
    assert course.ended is not None
    assert course.ended.epoch == 2
    assert promotions(world) == 2


def test_while_somebody_is_at_it_others_leave_it_without_a_word() -> None:
    world, met = world_of(), list[Ticked]()

    def busy(point: str) -> None:
        if point == "train made":
            passed(world)  # tells what is owed
            before = history_of(world).number
            met.append(passed(world))
            assert history_of(world).number == before

    passed(world, point=busy)
    assert "somebody is at it" in met[0].carried[0].says
    assert promotions(world) == 2


def test_what_was_trained_before_a_freeze_is_promoted_after_it() -> None:
    world, frozen = world_of(), policy(drift(1, 1), freeze=(Freeze("03-04", "03-05"),))

    def dies(point: str) -> None:
        if point == "train made":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        passed(world, frozen, point=dies)
    later = passed(world, frozen, now=after(2.5))
    assert "nothing is promoted before 2026-03-06" in later.carried[0].says
    number = history_of(world).number
    passed(world, frozen, now=after(2.6))
    assert history_of(world).number == number, "waiting leaves no trace"
    assert passed(world, frozen, now=after(4)).carried[0].end == "promoted"


def test_broken_data_trains_nothing_and_the_message_names_it() -> None:
    world = world_of()
    world.broken = True
    (carried,) = passed(world).carried
    assert (carried.end, carried.says) == ("stopped", "near is null: mend prepare")
    assert world.times("trained") == []
    assert f"decision/{carried.decision}/ended" in world.times("sent")


@pytest.mark.parametrize("word", ["fail", "inconclusive", "no change"])
def test_what_the_gate_does_not_pass_is_not_promoted(word: str) -> None:
    world = world_of()
    world.outcome = lambda decided: "fail" if word == "no change" else word
    (carried,) = passed(world).carried
    assert carried.end == {"fail": "refused", "no change": "refused"}.get(word, word)
    assert promotions(world) == 1


def test_a_failed_stage_ends_the_decision_and_a_silent_world_does_not() -> None:
    silent = world_of()
    silent.fault = lambda: True
    with pytest.raises(RemoteSilent):  # the messenger breaks its word here
        passed(silent)
    silent.fault = lambda: False
    assert passed(silent, now=NOW + timedelta(minutes=1)).carried[0].end == "promoted"

    failing = world_of()

    def start(decided: Decided) -> Training:
        raise StageFailed("the stage train failed", remedy="Mend it")

    failing.start = start  # type: ignore[method-assign] # a trainer that fails
    (carried,) = passed(failing).carried
    assert (carried.end, carried.says) == ("failed", "the stage train failed. Mend it")


def test_what_ends_each_worker_is_not_tried_for_ever() -> None:
    world = world_of()
    hours = 0

    class Gone(BaseException):
        """The process is gone."""

    def dies(point: str) -> None:
        if point == "train made":
            raise Gone

    def later() -> datetime:
        return clock.now() + timedelta(hours=hours)

    for nth in range(1, MOST_EPOCHS + 1):
        hours = nth
        with pytest.raises(Gone):
            passed(world, point=dies, clock=later)
    hours += 2
    (carried,) = passed(world, clock=later).carried
    assert carried.end == "failed"
    course = course_of(world)
    assert next_step(course) == Finish(
        "failed", f"{MOST_EPOCHS} workers took it up, and none came to its end"
    )


def test_a_remote_part_that_is_silent_for_long_does_not_use_workers_up() -> None:
    world = world_of()

    def silent(decided: Decided) -> str:
        raise RemoteSilent("the forge is silent", remedy="Wait")

    world.outcome = silent
    for _ in range(MOST_EPOCHS + 2):
        (carried,) = passed(world).carried
        assert carried.says == "left for the next pass: the forge is silent"
    course = course_of(world)
    assert course.left == MOST_EPOCHS + 2
    world.outcome = lambda decided: "pass"
    (carried,) = passed(world).carried
    assert carried.end == "promoted"
    assert next_step(msgspec.structs.replace(course, left=MOST_LEFT + 1)) == Finish(
        "failed", f"{MOST_LEFT} passes have left it for the next one"
    )


def test_a_log_that_no_loop_has_written_is_refused() -> None:
    said: dict[str, Any] = {"at": NOW, "by": "eve", "decision": "none", "epoch": 1}
    for event in (Acted(**said, step="train", state="done"), Ended(**said, end="promoted")):
        with pytest.raises(NotProven, match="event 1 of the loop cannot follow"):
            History().then(event)


def test_everything_can_be_shown() -> None:
    world = world_of()
    ticked = passed(world, shown=".D")
    found = Explanation(LOOP, history_of(world), ticked.decision, NOW, world.seen(windows("D")))
    text = render_markdown(explained(found))
    assert "inputs have drifted in the window 2026-03-03" in text
    assert "a retrain is under way" in text or "decided on" in text
    assert "promoted" in text
    assert '"promoted"' in render_json(record_of(found))
    assert '"left"' in render_json(ticked_record(ticked))
    assert "promoted" in render_markdown(ticked_report(ticked))


def test_the_points_are_all_different() -> None:
    assert len(set(POINTS)) == len(POINTS)


@pytest.fixture(scope="module")
def s3(weed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server, one for this module."""
    with seaweed(weed, tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.mark.s3
@pytest.mark.slow
def test_ten_at_once_on_s3_with_faults_do_it_once(s3: S3Server, tmp_path: Path) -> None:
    url = f"s3://{BUCKET}/loop"
    plain = open_bucket(url, root=tmp_path, env=s3.env)
    plain.create("proven", b"")
    world_of(plain)
    with FaultProxy(s3.endpoint, at_random(5, 0.05)) as proxy:
        env = s3.through(proxy.url) | {"TRUEUP_BUCKET_PATIENCE_S": "60"}
        worlds = [World(open_bucket(url, root=tmp_path, env=env)) for _ in range(10)]
        with ThreadPoolExecutor(10) as pool:
            done = list(pool.map(passed, worlds))
        assert proxy.met
    found = World(plain)
    assert [one.end for ticked in done for one in ticked.carried].count("promoted") >= 1
    assert len(found.times("trained")) == 1
    assert promotions(found) == 2
    assert course_of(found).ended is not None
