"""Answers the questions of replays: makes candidates, judges them, asks them about rows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from shutil import copy2
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.delivery.belongings import SIGNATURE
from trueup.delivery.elsewhere.asking import Asking
from trueup.delivery.evaluating import Evaluation, evaluation, predictions_from, rows_of
from trueup.delivery.functions import project_functions
from trueup.delivery.points import PART as POINTS
from trueup.delivery.points import points_here
from trueup.delivery.predicting import asking_of
from trueup.delivery.seen import PART as SEEN
from trueup.delivery.seen import decode, encode, rows_seen, seen_by_any
from trueup.delivery.subject import Subject
from trueup.errors import NotProven, WrongUsage
from trueup.loop.backtest.questions import Judge, Made, Make, Score, Verdict
from trueup.pipeline.outcome import Quiet, RunResult, StageResult
from trueup.project import gating
from trueup.project.backtest_asof import check_tables
from trueup.project.backtest_checkout import Checkout
from trueup.project.backtest_rows import judged_rows
from trueup.project.loading import model_of
from trueup.project.options import RunOptions
from trueup.project.registering import Extras, locked_artifact, register
from trueup.project.running import run
from trueup.project.withholding import trespass
from trueup.project.workspace import Workspace
from trueup.registry.names import VersionName
from trueup.registry.records import Registered
from trueup.registry.registry import Resolved
from trueup.registry.standards import rules_digest
from trueup.store.artifacts import Artifact

if TYPE_CHECKING:
    from trueup.models.artifact import Model
    from trueup.models.tables import Table

_RECORD = "made.json"


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a candidate, beside the rows that it is judged on."""

    made: Made
    version: int = 0  # in the backtest's registry
    data: str = ""  # digest of its evaluation rows
    format: int = 1


class Place(msgspec.Struct, frozen=True):
    """Where a backtest works: ``home`` is of one question, ``store`` of all of a project."""

    home: Path
    store: Path
    model: str  # as trueup.yaml calls it
    environment: str


class Bench:
    """One worker's copy of the project, and the models that it has opened."""

    def __init__(self, source: Workspace, place: Place, slot: int) -> None:
        self.place = place
        self.checkout = Checkout(source, copy_of(place, slot), place.store)
        self._models: dict[str, Model] = {}
        self._history: Evaluation | None = None

    @property
    def name(self) -> str:
        """Return the model by its full name."""
        return f"{self.checkout.opened().project.name}/{self.place.model}"

    @property
    def entry(self) -> ModelEntry:
        """Return what the project says of the model."""
        found: ModelEntry = self.checkout.opened().project.models[self.place.model]
        return found

    def make(self, asked: Make) -> Made:
        """Run the pipeline as of a moment, and keep what came of it; again it is looked up."""
        folder = self.folder(asked)
        if (folder / _RECORD).is_file():
            return self._kept(asked).made
        result = self.restore(asked)
        seconds = round(sum(map(self._took, result.stages)), 3)
        failed = _why(result) or self._trespassed(asked)
        if failed:
            kept = Kept(Made(seconds=seconds, failed=failed))
        else:
            kept = self._registered(asked, seconds)
        _write(folder / _RECORD, msgspec.json.encode(kept))
        return kept.made

    def restore(self, asked: Make) -> RunResult:
        """Bring the copy to where a candidate was made, and return what became of its stages."""
        self.checkout.reset()
        workspace = self.checkout.opened()
        options = RunOptions(targets=self._targets(workspace), sets=asked.sets)
        result = run(workspace, options, Quiet())
        if result.interrupted:
            raise KeyboardInterrupt
        return result

    def _took(self, stage: StageResult) -> float:
        """Return how long a stage took when it was run: here, or for another backtest before."""
        known = self.checkout.opened().results.earlier(stage.key) if stage.ok else None
        return known.seconds if known else stage.seconds

    def _trespassed(self, asked: Make) -> str:
        """Return what was trained on or judged across the beginning of a hold-out, if anything."""
        if asked.holdout is None:
            return ""
        return trespass(self.checkout.root, self.entry, asked.holdout)

    def judge(self, asked: Judge) -> Verdict:
        """Let the gate judge a candidate against a champion, both asked about the same rows."""
        from trueup.gate.comparing import Circumstances, compare
        from trueup.gate.judging import judge
        from trueup.gate.rules import rules_of

        workspace = self.checkout.opened()
        subject = gating.subject_of(workspace, self.place.model, self.place.environment)
        table, kept = self._evaluation(asked.candidate), self._kept(asked.candidate)
        versions = {
            "candidate": self._version(asked.candidate),
            "champion": self._version(asked.champion),
        }
        predicted = {role: self._answers(table, one) for role, one in versions.items()}
        masks = [self._seen(workspace, one, table) for one in versions.values()]
        seen, known = seen_by_any(masks)
        points = versions["candidate"].parts.get(POINTS)
        measured = msgspec.json.decode(workspace.results.read(points)) if points else {}
        asking: Asking = asking_of(subject, table)
        with project_functions(subject, asking) as calls:
            circumstances = Circumstances(
                seen_known=known,
                measured=measured,
                calls=calls,
                digests={
                    "model": versions["candidate"].model.digest,
                    "champion": versions["champion"].model.digest,
                    "data": kept.data,
                    "rules": rules_digest(subject.entry, subject.target),
                    "code": versions["candidate"].code,
                },
            )
            compared = compare(rows_of(table, predicted, seen), circumstances)
            verdict = judge(rules_of(subject.entry.gate, subject.rules_of_environment), compared)
        word = "no change" if verdict.no_change else verdict.word
        go_on = word == "pass" or (word == "inconclusive" and verdict.on_inconclusive == "promote")
        return Verdict(word, go_on, tuple(verdict.reasons[:3]))

    def score(self, asked: Score) -> Any:
        """Return what a model answers to the rows of a span: one number each, in their order."""
        table = between(self.history(), asked.begin, asked.end)
        if not table.frame.height:
            import numpy as np

            return np.empty(0)
        found = self._answers(table, self._version(asked.model))
        if getattr(found, "ndim", 0) != 1:
            raise WrongUsage(
                f"a backtest takes models that answer one number a row, not {self.entry.task}",
                remedy="Backtest a model of task: binary or regression",
            )
        return found

    def history(self) -> Evaluation:
        """Return the rows that are replayed."""
        if self._history is None:
            self._history = judged_rows(self.place.home, self.entry)
        return self._history

    def resolved(self, asked: Make) -> Resolved:
        """Return a candidate as a version of the backtest's registry."""
        subject = gating.subject_of(
            self.checkout.opened(), self.place.model, self.place.environment
        )
        name = VersionName(subject.name, self._kept(asked).version)
        return subject.registry.resolve(name, subject.environment)

    def folder(self, asked: Make) -> Path:
        """Return where a candidate's evaluation rows and its record lie."""
        return self.place.home / "made" / key_of(asked)

    def model(self, asked: Make) -> "Model":
        """Return a candidate in memory, in its own format, opened as trust: allows."""
        return self._model(self._version(asked))

    def _targets(self, workspace: Workspace) -> tuple[str, ...]:
        """Return the stages that make the model, its evaluation rows and what it has seen."""
        entry, graph = self.entry, workspace.graph
        paths = [entry.path, _evaluate(entry).data, *entry.seen]
        return tuple(sorted({str(one) for path in paths if (one := graph.producer(path))}))

    def _registered(self, asked: Make, seconds: float) -> Kept:
        workspace = self.checkout.opened()
        check_tables(workspace, self.place.model, asked.as_of, self.place.home)
        subject = gating.subject_of(workspace, self.place.model, self.place.environment)
        data = _evaluate(subject.entry).data
        found = register(workspace, self.place.model, _extras(workspace, subject)).version
        target = self.folder(asked) / data
        target.parent.mkdir(parents=True, exist_ok=True)
        copy2(workspace.root / data, target)
        digest = locked_artifact(workspace, data).digest
        workspace.close()
        return Kept(Made(found.model.digest, seconds), found.version, digest)

    def _kept(self, asked: Make) -> Kept:
        path = self.folder(asked) / _RECORD
        try:
            return msgspec.json.decode(path.read_bytes(), type=Kept)
        except (OSError, msgspec.MsgspecError) as error:
            raise NotProven(
                f"what was kept of a candidate cannot be read: {error}",
                remedy=f"Remove {self.place.home} and begin again",
                place=str(path),
            ) from error

    def _version(self, asked: Make) -> Registered:
        return self.resolved(asked).version

    def _evaluation(self, asked: Make) -> Evaluation:
        digest = self._kept(asked).data
        return evaluation(self.folder(asked), self.entry, lambda path: digest)

    def _model(self, version: Registered) -> "Model":
        if version.model.digest not in self._models:
            opened, _ = model_of(self.checkout.opened(), self.name, version)
            self._models[version.model.digest] = opened
        return self._models[version.model.digest]

    def _answers(self, table: Evaluation, version: Registered) -> Any:
        answered, _ = self._model(version).predict(table.frame)
        return predictions_from(table, outputs_of(answered), f"version {version.version}")

    def _seen(self, workspace: Workspace, version: Registered, table: Evaluation) -> Any:
        part = version.parts.get(SEEN)
        return rows_seen(decode(workspace.results.read(part), "seen rows"), table) if part else None


def _why(result: RunResult) -> str:
    """Return why a run failed, if it did."""
    if not result.failures:
        return ""
    first = result.failures[0]
    return f"the stage {first.stage} failed: {first.error}\n{first.tail}".strip()


def copy_of(place: Place, slot: int) -> Path:
    """Return where a worker's copy of the project lies."""
    return place.home / "checkouts" / str(slot)


def key_of(asked: Make) -> str:
    """Return what a candidate is kept under: what it was made with."""
    from blake3 import blake3

    return blake3(msgspec.json.encode(asked)).hexdigest()[:20]


def outputs_of(answered: "Table") -> Mapping[str, Any]:
    """Return a model's answers as arrays."""
    import numpy as np

    return {name: np.asarray(one) for name, one in answered.columns().items()}


def between(table: Evaluation, begin: datetime, end: datetime) -> Evaluation:
    """Return the rows of a span, of rows that lie in the order of time."""
    import numpy as np

    times = table.frame[table.entry.time].dt.epoch("us").to_numpy()
    moments = [round(one.timestamp() * 1e6) for one in (begin, end)]
    first, last = (int(one) for one in np.searchsorted(times, moments, side="left"))
    part = slice(first, last)
    truth = replace(table.truth, coded=table.truth.coded[part], absent=table.truth.absent[part])
    return replace(
        table,
        frame=table.frame[part],
        truth=truth,
        ids=None if table.ids is None else table.ids[part],
        time=None if table.time is None else table.time[part],
        group=None if table.group is None else table.group[part],
    )


def _extras(workspace: Workspace, subject: Subject) -> Extras:
    """Return what is kept with a candidate: no golden requests, as nobody is to serve it."""
    from trueup.models.signature import infer
    from trueup.models.tables import as_table

    table, measured = subject.table, points_here(subject)
    bodies = {SEEN: encode(subject.seen)}
    bodies[SIGNATURE] = msgspec.json.encode(infer(as_table(table.frame.select(table.features))))
    if measured:
        bodies[POINTS] = msgspec.json.encode(measured, order="sorted")
    parts = {
        name: Artifact(workspace.content.add_bytes(body, sync=True), len(body))
        for name, body in bodies.items()
    }
    return Extras(signature=parts[SIGNATURE].digest, parts=parts)


def _evaluate(entry: ModelEntry) -> EvaluateEntry:
    assert entry.evaluate is not None  # noqa: S101 - declared has looked
    return entry.evaluate


def _write(path: Path, body: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(body)
    part.replace(path)
