"""The verb backtest: a history replayed through policies side by side, in a store of its own."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import msgspec

import trueup
from trueup.captures.reading import require_polars
from trueup.config.backtest_entries import read_policies
from trueup.config.model_entries import ModelEntry
from trueup.delivery.installed import lacking
from trueup.errors import StageFailed, WrongUsage
from trueup.loop.backtest.policies import Named, lines_of
from trueup.loop.backtest.questions import Make, Question, Score
from trueup.loop.backtest.records import Backtest
from trueup.loop.backtest.replaying import Course, FirstFailed, Replayed, replay
from trueup.project import backtest_rows
from trueup.project.backtest_asking import Asking, conducted, scores
from trueup.project.backtest_bench import Place
from trueup.project.backtest_checkout import digest_of
from trueup.project.backtest_measuring import Measures, begun_spans, measured
from trueup.project.backtest_working import Here, Process
from trueup.project.registering import chosen_environment, model_entry, named
from trueup.project.retraining import resolved
from trueup.project.withholding import check_holdout
from trueup.project.workspace import Workspace, prepare_own_folder
from trueup.reporting.blocks import Report

if TYPE_CHECKING:
    import polars as pl

WEEK_S = 7 * 86400.0


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is replayed."""

    name: str  # [PROJECT/]MODEL
    environment: str = ""
    since: datetime | None = None
    until: datetime | None = None
    step_s: float | None = None
    rows: str = ""  # a table; empty: the captures
    label_at: str = ""
    delay_s: float | None = None
    policies: str = ""  # a file
    only: tuple[str, ...] = ()  # policies by name
    confirm_from: datetime | None = None
    jobs: int | None = None  # None: one for each CPU


def backtest(
    workspace: Workspace, wanted: Wanted, say: Callable[[str], None] = lambda text: None
) -> Backtest:
    """Replay a model's history through policies and return how they compare.

    Nothing of the project's store, registry, lock or checkout is changed. What was answered
    before, by a call that was ended or with other policies, is not asked again.
    """
    require_polars()
    if (error := lacking()) is not None:
        raise error
    opened = _Opened(workspace, wanted)
    say(
        f"{opened.rows.height} rows from {opened.course.begin:%Y-%m-%d %H:%M} to"
        f" {opened.course.end:%Y-%m-%d %H:%M} UTC, {len(opened.course.moments()) + 1} steps,"
        f" {len(opened.lines)} policies"
    )
    asking = Asking(opened.place.home / "answers", opened.workers())
    try:
        replayed = _replayed(opened, asking, say)
        spans = {
            line.name: begun_spans(replayed[line.name], opened.course) for line in opened.lines
        }
        wished = [Score(*one) for each in spans.values() for one in each]
        answers = scores(asking, wished)
    finally:
        asking.close()
    predicted = {name: [answers[Score(*one)] for one in each] for name, each in spans.items()}
    return measured(opened.measures(), opened.lines, replayed, predicted)


def report_of(found: Backtest) -> Report:
    """Return a backtest as a report."""
    from trueup.loop.backtest.report import backtest_report

    return backtest_report(found)


class _Opened:
    """A backtest before anything is asked: all that is wrong with it is raised here."""

    def __init__(self, workspace: Workspace, wanted: Wanted) -> None:
        self.workspace, self.wanted = workspace, wanted
        name = named(workspace, wanted.name)
        self.model = name.model.removeprefix(f"{workspace.project.name}/")
        if name.version is not None or name.alias:
            raise WrongUsage(
                f"{name} is one version: a backtest is of a model",
                remedy=f"Name the model: {name.model}",
            )
        self.entry: ModelEntry = model_entry(workspace, self.model)
        self.environment = chosen_environment(workspace, wanted.environment)
        self.evaluate = backtest_rows.declared(self.entry, self.model, workspace.project.file)
        if self.entry.task not in ("binary", "regression"):
            raise WrongUsage(
                f"a backtest takes models that answer one number a row, not {self.entry.task}",
                remedy="Backtest a model of task: binary or regression",
                place=workspace.project.file,
            )
        self.full = name.model
        file = {}
        if wanted.policies:
            file = read_policies(workspace.start / wanted.policies, wanted.policies)
        whose = Named(self.full, self.environment, workspace.project.file)
        self.lines = lines_of(whose, self.entry, file, wanted.only)
        self._check_gate()
        self._check_recipes()
        wish = backtest_rows.Wish(
            self.full, self.environment, wanted.rows, wanted.label_at, wanted.delay_s
        )
        self.every = backtest_rows.history(workspace, self.entry, wish)
        self.course, self.rows = _course(self.every, wanted, self)
        self.place = self._placed()

    def workers(self) -> list[Here] | list[Process]:
        """Return who answers: with one job this process, else each a process of its own."""
        jobs = self.wanted.jobs or os.cpu_count() or 1
        if jobs < 1:
            raise WrongUsage(f"{jobs} jobs are none", remedy="Give --jobs 1, or more")
        if jobs == 1:
            return [Here(self.workspace, self.place, 0)]
        threads = max(1, (os.cpu_count() or 1) // jobs)
        return [Process(self.workspace, self.place, slot, threads) for slot in range(jobs)]

    def measures(self) -> Measures:
        """Return what all policies are measured by."""
        return Measures(
            self.full, self.environment, self.course, self.entry,
            backtest_rows.judged_rows(self.place.home, self.entry), self.wanted.confirm_from,
        )  # fmt: skip

    def _check_gate(self) -> None:
        """Refuse policies with a gate where no rule asks anything, so that none could pass."""
        from trueup.delivery.delivering import is_gated

        target = self.workspace.project.environments.get(self.environment)
        gated = [one.name for one in self.lines if one.gated and one.policy.triggers]
        if gated and not is_gated(self.entry, target):
            raise WrongUsage(
                f"the policy {gated[0]!r} asks the gate, and no rule asks anything of {self.model}",
                remedy=f"Write rules under models: {self.model}: gate: rules:, or gate: off in a"
                " file of policies",
                place=self.workspace.project.file,
            )

    def _check_recipes(self) -> None:
        """Refuse hold-outs that nobody could see kept, and what a backtest does not replay."""
        place = self.workspace.project.file
        for one in self.lines:
            if one.policy.holdout_s is not None:
                check_holdout(self.entry, place)
            if one.policy.refit:
                raise WrongUsage(
                    f"a backtest cannot do what refit of the policy {one.name!r} says yet",
                    remedy="Leave it out in a file of policies: what is judged is what is promoted",
                    place=self.wanted.policies or place,
                )

    def _placed(self) -> Place:
        """Return where this very backtest works, with its rows in place."""
        arrivals = self.every.select(self.evaluate.id, backtest_rows.ARRIVED)
        bodies = {
            backtest_rows.TABLE: _parquet(self.rows),
            backtest_rows.ARRIVALS: _parquet(arrivals),
        }
        told = {
            **{name: _digest(body) for name, body in bodies.items()},
            "model": self.full,
            "environment": self.environment,
            "release": trueup.__version__,
        }
        top = prepare_own_folder(self.workspace.root) / "backtest"
        policies = self.wanted.policies and str(self.workspace.start / self.wanted.policies)
        home = top / digest_of(self.workspace, told, policies)
        home.mkdir(parents=True, exist_ok=True)
        for file, body in bodies.items():
            (home / file).write_bytes(body)
        return Place(home, top / "store", self.model, self.environment)


def _course(
    every: "pl.DataFrame", wanted: Wanted, opened: _Opened
) -> "tuple[Course, pl.DataFrame]":
    """Return the moments, and the rows from the first on."""
    import polars as pl

    time = opened.evaluate.time
    first, last = every[time].min(), every[time].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        raise WrongUsage("the history has no rows", remedy="Give a table that has: --rows TABLE")
    step_s = wanted.step_s or (opened.entry.monitor.window if opened.entry.monitor else WEEK_S)
    begin = wanted.since or first + (last - first) / 5
    end = wanted.until or last + timedelta(microseconds=1)
    if wanted.since is None:  # on the grid of windows
        begin = datetime.fromtimestamp(begin.timestamp() // step_s * step_s, begin.tzinfo)
    rows = every.filter(pl.col(time) >= begin, pl.col(time) < end)
    if not rows.height or begin + timedelta(seconds=step_s) >= end:
        raise WrongUsage(
            f"nothing can be decided between {begin:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC:"
            f" the history lasts from {first:%Y-%m-%d} to {last:%Y-%m-%d}",
            remedy="Give --since and --until within it, and a --step that is shorter",
        )
    course = Course(begin, end, step_s)
    labels = {
        now: found
        for now in course.moments()
        if (found := backtest_rows.labels_by(rows, opened.evaluate, now)) is not None
    }
    return Course(begin, end, step_s, labels), rows


def _replayed(opened: _Opened, asking: Asking, say: Callable[[str], None]) -> dict[str, Replayed]:
    said: set[Question] = set()

    def tell(name: str, question: Question) -> None:
        if isinstance(question, Make) and question not in said:
            said.add(question)
            say(f"{name}: a candidate as of {question.as_of:%Y-%m-%d %H:%M} UTC")

    replays = {line.name: replay(line, opened.course, resolved) for line in opened.lines}
    try:
        return conducted(replays, asking, tell)
    except FirstFailed as error:
        raise StageFailed(
            f"the first champion, as of {opened.course.begin:%Y-%m-%d %H:%M} UTC, could not be"
            f" made: {error}",
            remedy="Begin later: --since MOMENT, or make it by hand with: trueup run --set ...",
        ) from error


def _parquet(frame: "pl.DataFrame") -> bytes:
    body = BytesIO()
    frame.write_parquet(body)
    return body.getvalue()


def _digest(body: bytes) -> str:
    from blake3 import blake3

    return blake3(body).hexdigest()
