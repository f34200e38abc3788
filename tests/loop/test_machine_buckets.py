"""The same machine where processes are real: on a folder, and on S3 with faults."""

import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.loop.test_machine import LoopMachine
from tests.loop.world import World
from tests.support.faultproxy import FaultProxy, at_random
from tests.support.seaweed import BUCKET, S3Server, seaweed
from trueup import ids
from trueup.store.bucket import Bucket
from trueup.store.folder import FolderBucket
from trueup.store.opening import open_bucket

GENERATED = (Phase.explicit, Phase.generate)


class FolderMachine(LoopMachine):
    """On a folder; ticks at once are processes, and those that are killed get SIGKILL."""

    def bucket(self) -> Bucket:
        self.folder = tempfile.TemporaryDirectory()
        return FolderBucket(Path(self.folder.name))

    def killed(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def at_once(self, points: Sequence[str]) -> None:
        children = [self._forked(point, nth) for nth, point in enumerate(points)]
        for child, point in zip(children, points, strict=True):
            _, status = os.waitpid(child, 0)
            died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            assert status == 0 or (died and point), (point, status)

    def _forked(self, point: str, worker: int) -> int:
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            LoopMachine.pass_on(self, point=point, worker=worker)
            status = 0
        finally:
            os._exit(status)

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


@pytest.mark.slow
def test_on_a_folder_with_processes_that_are_killed_a_loop_keeps_its_promises() -> None:
    run_state_machine_as_test(
        FolderMachine,
        settings=settings(max_examples=6, stateful_step_count=15, derandomize=True, deadline=None),
    )


class S3Machine(LoopMachine):
    """On S3; whatever ticks meets faults on the way, whoever looks afterwards does not."""

    url: ClassVar[str]
    root: ClassVar[Path]
    env: ClassVar[dict[str, str]]
    faulty: ClassVar[dict[str, str]]

    def bucket(self) -> Bucket:
        self.place = f"{self.url}/{ids.nonce()}"
        plain = open_bucket(self.place, root=self.root, env=self.env)
        plain.create("proven", b"")
        return plain

    def reached(self) -> World:
        return replace(self.world, bucket=open_bucket(self.place, root=self.root, env=self.faulty))


@pytest.fixture(scope="module")
def s3(weed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server, one for this module."""
    with seaweed(weed, tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.mark.s3
@pytest.mark.slow
def test_on_s3_with_faults_a_loop_keeps_its_promises(s3: S3Server, tmp_path: Path) -> None:
    with FaultProxy(s3.endpoint, at_random(7, 0.03)) as proxy:

        class Machine(S3Machine):
            url, root, env = f"s3://{BUCKET}/machine", tmp_path, s3.env
            faulty: ClassVar[dict[str, str]] = {
                **s3.through(proxy.url),
                "TRUEUP_BUCKET_PATIENCE_S": "60",
            }

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=2, stateful_step_count=8, derandomize=True, deadline=None,
                phases=GENERATED,
            ),
        )  # fmt: skip
        assert proxy.met
