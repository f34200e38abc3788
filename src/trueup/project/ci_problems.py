"""What stopped a check, each thing with the line of trueup.yaml that it is about."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from trueup.ci.results.result import Level, Place, Problem
from trueup.config.mistakes import ConfigInvalid
from trueup.errors import TrueupError

if TYPE_CHECKING:
    from trueup.config.yaml import Document
    from trueup.delivery.judging import Judgement
    from trueup.gate.verdict import Finding, Verdict
    from trueup.pipeline.outcome import RunResult
    from trueup.project.workspace import Workspace

_TAIL_LINES = 20


class Lines:
    """Finds where something is written in a project's file, as the repository names that file."""

    def __init__(self, workspace: "Workspace", folder: str) -> None:
        self._workspace, self._folder = workspace, folder
        self._document: Document | None = None

    def of(self, *path: str | int, of_key: bool = False) -> Place:
        """Return where the value under a path stands, or the nearest thing around it."""
        from trueup.config.yaml import parse

        file = self._workspace.project.file
        if self._document is None:
            self._document = parse((self._workspace.root / file).read_bytes(), file)
        return self.seen(file, self._document.place(path, of_key=of_key).line)

    def seen(self, file: str, line: int) -> Place:
        """Return a line of a file that is named as seen from the project."""
        return placed(self._folder, file, line)


def placed(folder: str, file: str, line: int) -> Place:
    """Return a line of a file in a project's folder, as the repository names it."""
    return Place(f"{folder}/{file}" if folder else file, max(1, line))


def of_error(error: TrueupError, folder: str, rule: str = "configuration") -> list[Problem]:
    """Return the problems that an error tells of: each mistake of a configuration by itself."""
    if not isinstance(error, ConfigInvalid):
        place = _place(error.place, folder)
        return [
            Problem(level="error", rule=rule, title=error.problem, says=error.remedy, place=place)
        ]
    return [
        Problem(
            level="error",
            rule="configuration",
            title=one.problem,
            says=one.remedy,
            place=placed(folder, one.place.file, one.place.line) if one.place else None,
        )
        for one in error.mistakes
    ]


def of_stages(result: "RunResult", lines: Lines) -> Iterator[Problem]:
    """Yield the stages that failed, with the last lines that they printed."""
    for stage in result.failures:
        tail = "\n".join(stage.tail.splitlines()[-_TAIL_LINES:])
        says = "\n".join(part for part in (stage.error, tail) if part)
        yield Problem(
            level="error",
            rule=f"stage/{stage.stage}",
            title=f"stage {stage.stage} failed",
            says=says,
            place=lines.of("stages", stage.stage, of_key=True),
        )


def of_judgement(workspace: "Workspace", judgement: "Judgement", lines: Lines) -> Iterator[Problem]:
    """Yield the rules that a model has not passed, slice by slice, and what is odd of its rows."""
    verdict, model = judgement.verdict, judgement.model.rpartition("/")[2]
    gate = lines.of("models", model, "gate")
    for trap in verdict.traps:
        yield Problem(
            level=_level(verdict, trap.word),
            rule=f"gate/{trap.kind}",
            title=f"{model}: {trap.kind}",
            says=trap.says,
            place=gate,
            model=model,
        )
    for finding in verdict.findings:
        if finding.word in ("fail", "inconclusive"):
            where = _rule(workspace, model, judgement.environment, finding.rule)
            yield _of_finding(verdict, model, finding, lines.of(*where))
    if verdict.word == "inconclusive" and not verdict.findings:
        yield Problem(
            level=_level(verdict, "inconclusive"),
            rule="gate",
            title=f"{model}: nothing could be judged",
            says="\n".join(verdict.reasons),
            place=gate,
            model=model,
        )


def _of_finding(verdict: "Verdict", model: str, finding: "Finding", place: Place) -> Problem:
    of = f" of {finding.slice}" if finding.slice else ""
    word = "failed" if finding.word == "fail" else "not decided"
    return Problem(
        level="notice" if finding.reason == "no_bucket" else _level(verdict, finding.word),
        rule=f"gate/{finding.metric}",
        title=f"{model}: {finding.metric}{of} {word}",
        says=finding.says,
        place=place,
        model=model,
        slice=finding.slice,
    )


def worst_first(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems by their level, errors first, else as they come: places show few of many."""
    order = ("error", "warning", "notice")
    return tuple(sorted(problems, key=lambda one: order.index(one.level)))


def _level(verdict: "Verdict", word: str) -> Level:
    """Return how loud something is: a warning where it stops nothing."""
    open_ = word == "inconclusive" and verdict.on_inconclusive == "promote"
    return "warning" if verdict.mode == "warn" or open_ else "error"


def _rule(
    workspace: "Workspace", model: str, environment: str, position: int
) -> tuple[str | int, ...]:
    """Return where a rule stands: with the model, after these with the environment."""
    own = len(workspace.project.models[model].gate.rules)
    if position < 0:  # the anchor's, which nobody wrote
        return ("models", model, "gate")
    if position < own:
        return ("models", model, "gate", "rules", position)
    return ("environments", environment, "rules", position - own)


def _place(text: str | None, folder: str) -> Place | None:
    """Return an error's place, ``file:line:column $.path`` or a file alone, as a Place."""
    if not text:
        return None
    file, _, rest = text.partition(":")
    line = rest.partition(":")[0]
    return placed(folder, file, int(line) if line.isdigit() else 1)
