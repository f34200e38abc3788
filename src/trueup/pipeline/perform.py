"""One stage performed: its outputs cleared, its commands run, what they made kept."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from trueup.config.records import ID_TOKEN, Output, Project, Stage
from trueup.errors import StageFailed
from trueup.pipeline.checkout_lock import RUNS_ABOVE
from trueup.pipeline.inputs import Locked
from trueup.pipeline.isolated import Enclosure
from trueup.pipeline.masking import Mask
from trueup.pipeline.process import Command, Finished, Supervisor
from trueup.pipeline.sources import shell
from trueup.pipeline.tracking.layout import stage_folder
from trueup.store.artifacts import Artifact
from trueup.store.content import Content
from trueup.store.scan import Scanner

_TAIL_BYTES = 4000
Params: TypeAlias = Mapping[str, Mapping[str, Any]]  # by file and key


class Performed(msgspec.Struct, frozen=True):
    """How a stage's commands ended."""

    finished: Finished
    tail: str
    executed: Artifact | None = None  # a notebook's copy with its outputs, secrets masked

    @property
    def well(self) -> bool:
        """Tell whether the commands ended by themselves, and well.

        One that was told to end and then says that all is well has not done its work.
        """
        done = self.finished
        return done.exit_code == 0 and not done.timed_out and not done.cancelled


class Workbench:
    """Where stages are performed: the project's folder, its store, what a run hands to each."""

    def __init__(
        self,
        project: Project,
        content: Content,
        scanner: Scanner,
        supervisor: Supervisor,
        run: str,
    ) -> None:
        self._project, self._root = project, project.root
        self._content, self._scanner = content, scanner
        self._supervisor, self._run = supervisor, run
        self._secret_names = {name for s in project.stages.values() for name in s.secrets}

    def mask(self, stage: Stage, env: Mapping[str, str]) -> Mask:
        """Return what keeps the stage's secrets out of its output."""
        return Mask(env[name] for name in stage.secrets if env.get(name))

    def env(self, stage: Stage, outer: Mapping[str, str], gpus: tuple[str, ...]) -> dict[str, str]:
        """Return the environment of a stage: the caller's, less the secrets of other stages.

        Nor does it have the token that says who approves: no stage speaks for its caller.
        """
        missing = [name for name in stage.secrets if name not in outer]
        if missing:
            raise StageFailed(
                f"stage {stage.name!r} needs the secret {missing[0]}, which is not set",
                remedy=f"Set the environment variable {missing[0]} where trueup runs.",
                place=str(stage.place) if stage.place else None,
            )
        others = (self._secret_names | {ID_TOKEN}) - set(stage.secrets)
        env = {name: value for name, value in outer.items() if name not in others}
        env.update(stage.env)
        if stage.resources.gpu:
            env["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
        env["TRUEUP_RUN"] = self._run
        env[RUNS_ABOVE] = f"{outer.get(RUNS_ABOVE, '')} {self._run}".strip()
        env["TRUEUP_STAGE"] = stage.name
        env["TRUEUP_POINTS"] = str(self.spool(stage))
        env["DVC_ROOT"] = str(self._root)  # scripts written for DVC may ask
        env["DVC_STAGE"] = stage.name
        return env

    def spool(self, stage: Stage) -> Path:
        """Return where the stage's script leaves its points."""
        return self._root / ".trueup" / "live" / self._run / f"{stage_folder(stage.name)}.points"

    def clear(self, stage: Stage, locked: Locked | None, note: Callable[[str], None]) -> None:
        """Take the outputs out of the way, but for those that persist or lie elsewhere."""
        for out in stage.outs:
            if not (out.persist or out.external):
                self.make_room(out.path, locked, note)

    def make_room(self, path: str, locked: Locked | None, note: Callable[[str], None]) -> None:
        """Leave nothing at a path; what is kept nowhere else is moved aside, not deleted."""
        place = self._root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(place):
            return
        there = None if place.is_symlink() else self._scanner.scan(place)
        known = locked.outs.get(path) if locked else None
        held = there is None or there == known or self._content.has(there)
        if held and (there is None or _count(place) == there.files):
            _remove(place)
            return
        aside = self._root / ".trueup" / "aside" / self._run / path
        aside.parent.mkdir(parents=True, exist_ok=True)
        place.rename(aside)
        note(f"kept what lay at {path} under {aside.relative_to(self._root)}")

    def discard(self, stage: Stage) -> None:
        """Remove what a failed attempt has left, before the next."""
        for out in stage.outs:
            place = self._root / out.path
            if not (out.persist or out.external) and os.path.lexists(place):
                _remove(place)

    def enclosure(self, stage: Stage) -> Enclosure:
        """Return the folder for running the stage isolated."""
        folder = self._root / ".trueup" / "isolated" / self._run / stage_folder(stage.name)
        return Enclosure(self._root, folder, stage)

    def perform(
        self,
        stage: Stage,
        env: Mapping[str, str],
        params: Params,
        show: Callable[[bytes], None],
        inside: Path | None = None,
    ) -> Performed:
        """Run the stage's commands once, in order, up to the first that fails."""
        tail, root = _Tail(), inside or self._root
        mask = self.mask(stage, env)

        def masked(chunk: bytes) -> None:
            shown = mask.feed(chunk)
            tail.add(shown)
            show(shown)

        commands, executed = _commands(stage, root, params)
        finished = self._attempt(stage, env, masked, commands)
        last = mask.flush()
        tail.add(last)
        show(last)
        kept = self._keep_notebook(executed, stage, mask) if executed else None
        return Performed(finished, tail.text(), kept)

    def keep(self, stage: Stage) -> dict[str, Artifact]:
        """Return the stage's outputs, kept in the store where they are to be.

        Raises StageFailed for one that is not there.
        """
        made: dict[str, Artifact] = {}
        for out in stage.outs:
            path = self._root / out.path
            artifact = None
            if path.exists():
                artifact = self._content.add(path) if is_kept(out) else self._scanner.scan(path)
            if artifact is None:
                raise StageFailed(
                    f"stage {stage.name!r} ended well, but did not make its output {out.path}",
                    remedy="Let its command write that path, or correct outs:.",
                    place=str(out.place) if out.place else None,
                )
            made[out.path] = artifact
        return made

    def _keep_notebook(self, executed: Path, stage: Stage, mask: Mask) -> Artifact:
        """Keep the executed copy, as far as it got, and leave it where a person finds it."""
        from trueup.pipeline.notebook import executed_path, masked

        body = masked(executed.read_bytes(), mask.whole)
        place = executed_path(self._root, stage.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
        return Artifact(self._content.add_bytes(body), len(body))

    def _attempt(
        self,
        stage: Stage,
        env: Mapping[str, str],
        show: Callable[[bytes], None],
        commands: "Commands",
    ) -> Finished:
        whole: Finished | None = None
        left_s = stage.timeout_s
        for argv in commands.argvs:
            done = self._supervisor.execute(Command(argv, commands.cwd, env, left_s), show)
            if whole is not None:
                done = msgspec.structs.replace(
                    done,
                    seconds=whole.seconds + done.seconds,
                    peak_memory_bytes=max(whole.peak_memory_bytes, done.peak_memory_bytes),
                )
            whole = done
            if done.exit_code or done.cancelled or done.timed_out:
                break
            left_s = None if stage.timeout_s is None else max(0.0, stage.timeout_s - done.seconds)
        if whole is None:
            raise StageFailed(
                f"stage {stage.name!r} has no command", remedy="Give it one under cmd:."
            )
        return whole


class Commands(msgspec.Struct, frozen=True):
    """What to start, in order, and where."""

    argvs: tuple[tuple[str, ...], ...]
    cwd: Path


def _commands(stage: Stage, root: Path, params: Params) -> tuple[Commands, Path | None]:
    """Return how the stage is started; of a notebook also where its executed copy will be."""
    if not stage.notebook:
        return Commands(tuple(shell(line) for line in stage.cmd), root / stage.wdir), None
    from trueup.pipeline.notebook import prepare

    argvs, executed = prepare(stage, root, params)
    return Commands(tuple(argvs), root), executed


def is_kept(out: Output) -> bool:
    """Tell whether an output's bytes go into the store.

    Metrics and plots always do: they are small, and a result without them could not be shared.
    """
    return not out.external and (out.cache or out.kind != "out")


class _Tail:
    """The last of what was printed."""

    def __init__(self) -> None:
        self._held = bytearray()

    def add(self, chunk: bytes) -> None:
        self._held += chunk
        if len(self._held) > 2 * _TAIL_BYTES:
            del self._held[:-_TAIL_BYTES]

    def text(self) -> str:
        return bytes(self._held[-_TAIL_BYTES:]).decode("utf-8", "replace")


def _count(path: Path) -> int:
    """Return how many files lie there, those included that a scan leaves out."""
    if not path.is_dir():
        return 1
    return sum(len(files) for _, _, files in os.walk(path))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        from shutil import rmtree

        rmtree(path)
    else:
        path.unlink()
