"""Check one project as CI does: run it, deliver its models, and gather all of it as one result."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trueup import git
from trueup.ci.places import Where
from trueup.ci.results.result import Judged, Problem, Result, Word
from trueup.errors import TrueupError, WrongUsage
from trueup.pipeline.outcome import Progress, RunResult
from trueup.project.ci_problems import Lines, of_error, of_judgement, of_stages, worst_first
from trueup.project.workspace import OWN_FOLDER, STORE_VARIABLE, Workspace, open_workspace
from trueup.reporting.blocks import Block, Report, Text
from trueup.store.scopes import TRUSTED
from trueup.store.scopes import VARIABLE as SCOPE

if TYPE_CHECKING:
    from trueup.delivery.delivering import Delivered
    from trueup.delivery.judging import Judgement

STAND_IN = f"{OWN_FOLDER}/without-bucket"
WITHOUT = (
    "This check ran without the bucket, as a fork's does: nothing was fetched from it and nothing"
    " is kept in it. Rules against the champion are not decided (no_bucket), which stops nobody."
)


class Codes(msgspec.Struct, frozen=True):
    """How a command ends: the one table is the command line's."""

    error: Callable[[TrueupError], int]
    ending: Mapping[str, int]  # of a delivery
    stage_failed: int
    interrupted: int


class Asked(msgspec.Struct, frozen=True):
    """How projects are to be checked."""

    codes: Codes
    progress: Callable[[], Progress]
    say: Callable[[str], None]
    base: str = ""  # commit to compare with
    scope: str = ""  # of a request, where the environment names none
    has_bucket: bool = True


def check_project(root: Path, env: Mapping[str, str], asked: Asked) -> Result:
    """Run a project, register, judge and promote as its scope may, and return what came of it.

    An error that a user can meet is in the result; it keeps no other project from its check.
    """
    top = git.top(root)
    folder = root.resolve().relative_to(top.resolve()).as_posix() if top else ""
    folder = "" if folder == "." else folder
    check = _Check(folder, asked)
    try:
        workspace = _opened(root, env, asked)
        check.name = workspace.project.name
        try:
            check.run(workspace)
        finally:
            workspace.close()
    except TrueupError as error:
        check.refuse(error)
    return check.result(git.head(root).commit)


def base_of(start: Path, named: str, where: Where, say: Callable[[str], None]) -> str:
    """Return the commit to compare with: the one that is named, else the event's.

    A named one that is not there is refused; an event's, which a shallow clone lacks, is said.
    """
    if named or not where.base:
        return git.resolve(start, named) if named else ""
    try:
        return git.resolve(start, where.base)
    except git.NotARevision:
        say(f"not compared with {where.base[:10]}: this clone does not have it; fetch-depth: 0")
        return ""


def scope_of(where: Where, env: Mapping[str, str], *, has_bucket: bool) -> str:
    """Return the scope to work in where it is not what the environment says: never a trusted one.

    Raises WrongUsage for a request whose job claims to be trusted.
    """
    named = env.get(SCOPE, "")
    if not has_bucket:
        return where.scope or "pr/0"
    if where.is_request and named == TRUSTED:
        raise WrongUsage(
            f"{SCOPE}=trusted in the job of a pull request, whose code nobody has reviewed",
            remedy=f"Set {SCOPE}={where.scope}, or leave it out",
        )
    return "" if named else where.scope


def _opened(root: Path, env: Mapping[str, str], asked: Asked) -> Workspace:
    env = dict(env)
    if asked.scope:
        env[SCOPE] = asked.scope
    if not asked.has_bucket:
        env[STORE_VARIABLE] = STAND_IN
    workspace = open_workspace(root, env)
    workspace.has_bucket = asked.has_bucket
    return workspace


class _Check:
    """What is gathered of one project while it is checked."""

    def __init__(self, folder: str, asked: Asked) -> None:
        self.folder, self.asked = folder, asked
        self.name = folder.rpartition("/")[2]
        self.words: list[Word] = []
        self.codes: list[int] = [0]
        self.blocks: list[Block] = [] if asked.has_bucket else [Text(WITHOUT)]
        self.problems: list[Problem] = []
        self.judged: list[Judged] = []
        self.metrics: dict[str, float] = {}
        self.run_id = ""

    def run(self, workspace: Workspace) -> None:
        """Run the pipeline, then deliver what it has made."""
        from trueup.project.gating import models_made
        from trueup.project.running import run

        lines = Lines(workspace, self.folder)
        result = run(workspace, progress=self.asked.progress())
        self._ran(result, lines)
        for model in models_made(workspace, result):
            self._deliver(workspace, model, lines)
        self.metrics = _numbers(workspace)
        if self.asked.base:
            from trueup.project.ci_diffs import against_base

            self.blocks += against_base(workspace, self.asked.base)

    def refuse(self, error: TrueupError, rule: str = "configuration") -> None:
        """Note an error as what the project's check came to."""
        self.asked.say(f"error: {error}")
        self.words.append("refused")
        self.codes.append(self.asked.codes.error(error))
        found = of_error(error, self.folder, rule)
        self.problems += found
        self.blocks += [Text(f"Refused: {one.title}\n{one.says}") for one in found]

    def result(self, commit: str) -> Result:
        """Return everything together."""
        word = _worst(self.words)
        if word == "nothing" and not self.blocks:
            self.blocks.append(Text("No rule asks anything of a model here."))
        return Result(
            project=self.name,
            folder=self.folder,
            word=word,
            exit_code=max(self.codes),
            run=self.run_id,
            commit=commit,
            base=self.asked.base,
            report=Report(self.name or "trueup", tuple(self.blocks)),
            problems=worst_first(self.problems),
            judged=tuple(self.judged),
            metrics=self.metrics,
        )

    def _ran(self, result: RunResult, lines: Lines) -> None:
        self.run_id = result.run or ""
        self.problems += of_stages(result, lines)
        for stage in result.failures:
            self.asked.say(f"error: {stage.error}")
            self.blocks.append(Text(f"Stage {stage.stage} failed: {stage.error}"))
            if stage.tail:
                self.blocks.append(Text(stage.tail, verbatim=True))
        if result.failures or result.interrupted:
            self.words.append("stage_failed")
            codes = self.asked.codes
            self.codes.append(codes.interrupted if result.interrupted else codes.stage_failed)

    def _deliver(self, workspace: Workspace, model: str, lines: Lines) -> None:
        """Deliver one model; one that cannot be judged keeps no other from it."""
        from trueup.delivery.telling import sentences
        from trueup.project.gating import deliver_model

        try:
            done = deliver_model(workspace, model)
        except TrueupError as error:
            self.refuse(error, f"model/{model}")
            return
        for sentence in sentences(done):
            self.asked.say(sentence)
        self.codes.append(self.asked.codes.ending[done.ending])
        judgement = done.judgement or _promoted_on(workspace, model, done)
        if judgement is not None:
            self._judge(workspace, judgement, done, lines)
        last = "".join(sentences(done)[-1:]).partition("\n")[0]  # its reasons stand above
        self.blocks.append(Text(last))

    def _judge(
        self, workspace: Workspace, judgement: "Judgement", done: "Delivered", lines: Lines
    ) -> None:
        from trueup.project.ci_diffs import against_champion, slices_against_base
        from trueup.project.gating import report_of

        verdict = judgement.verdict
        self.words.append("pass" if done.champion is not None else verdict.word)
        self.judged.append(
            Judged(
                model=done.model,
                word=verdict.word,
                environment=done.environment,
                version=done.version,
                digest=verdict.digest,
            )
        )
        self.blocks += report_of(workspace, judgement).blocks
        if done.champion is None:
            self.problems += of_judgement(workspace, judgement, lines)
            self.blocks += against_champion(workspace, done.model, done.environment)
            if self.asked.base:
                self.blocks += slices_against_base(workspace, judgement, self.asked.base)


def _worst(words: Sequence[Word]) -> Word:
    """Return the word of a project whose models and stages came out so."""
    order: tuple[Word, ...] = ("refused", "stage_failed", "fail", "inconclusive", "pass")
    for word in order:
        if word in words:
            return word
    return "nothing"


def _promoted_on(workspace: Workspace, model: str, done: "Delivered") -> "Judgement | None":
    """Return the verdict that a live champion was promoted on; None where there is none."""
    from trueup.project.gating import gate

    if done.champion is None:
        return None
    try:
        return gate(workspace, model)
    except TrueupError:
        return None  # promoted without one, or lost: its sentence says so


def _numbers(workspace: Workspace) -> dict[str, float]:
    """Return the numbers of the project's metrics files, under one name each."""
    from trueup.pipeline.tracking.flat import named
    from trueup.project.conducting import read_metrics

    values = named(read_metrics(workspace.project))
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
