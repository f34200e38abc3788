"""The verb report: verdicts that were given, found again and written as files."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from trueup.errors import NotProven, WrongUsage
from trueup.gate.showing import verdict_report
from trueup.gate.verdict import Verdict
from trueup.project.registering import environments_of, model_entry, named, registry_of
from trueup.project.workspace import Workspace
from trueup.registry.evidence import verdict_of
from trueup.registry.history import History
from trueup.registry.names import VersionName
from trueup.registry.records import Judged
from trueup.registry.reports import notes
from trueup.registry.standards import rules_digest
from trueup.registry.verdicts import read_verdict
from trueup.reporting.blocks import Report, Text
from trueup.store.hashing import explained
from trueup.store.scopes import scope_from

_LOOKED_AT = 50  # verdicts of one's own scope, the newest first
_LEAST_DIGITS = 8
_HEX = frozenset("0123456789abcdef")


class Given(msgspec.Struct, frozen=True):
    """A verdict that was given, on what, and when; ``version`` 0: not registered."""

    model: str  # project/model
    version: int
    scope: str
    at: datetime
    verdict: Verdict
    environment: str = ""
    names: dict[str, str] = {}  # of the models of this history, by digest
    notes: tuple[str, ...] = ()  # what must be seen wherever the version is

    def report(self) -> Report:
        """Return the verdict as a report."""
        subject = f"{self.model}/{self.version}" if self.version else f"{self.model}, unregistered"
        where = f", for {self.environment}" if self.environment else ""
        return noted(verdict_report(self.verdict, f"{subject}{where}", self.names), self.notes)


class NoVerdict(WrongUsage):
    """Nothing was judged yet of what is asked for."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"there is no verdict on {what}", remedy="Judge the model first: trueup gate"
        )


def given(workspace: Workspace, name: str | None = None) -> list[Given]:
    """Return the last verdict on a model, a version or by its digest; of none, one a model.

    Raises NoVerdict where there is none.
    """
    if name is None:
        models = [f"{workspace.project.name}/{model}" for model in workspace.project.models]
        found = [one for model in models if (one := _last(workspace, VersionName(model)))]
        if not found:
            raise NoVerdict(f"any model of {workspace.project.name}")
        return found
    if len(name) >= _LEAST_DIGITS and _HEX.issuperset(name):
        return [_by_digest(workspace, name)]
    version = named(workspace, name)
    one = _last(workspace, version)
    if one is None:
        raise NoVerdict(str(version))
    return [one]


def together(found: Sequence[Given]) -> Report:
    """Return one report of all verdicts, each under its own heading."""
    return joined([one.report() for one in found])


def joined(reports: Sequence[Report]) -> Report:
    """Return several reports as one."""
    if len(reports) == 1:
        return reports[0]
    return Report("Gate", tuple(block for report in reports for block in report.blocks))


def noted(report: Report, notes: Sequence[str]) -> Report:
    """Return a report that says beneath its verdict what stood in for a pass, or deprecation."""
    if not notes:
        return report
    verdict, *others = report.blocks
    return Report(report.title, (verdict, Text("\n".join(notes)), *others))


def notes_of(history: History, version: int | None) -> tuple[str, ...]:
    """Return what must be seen wherever a version is; of what is none, nothing."""
    return tuple(notes(history, version)) if version else ()


def names_of(history: History) -> dict[str, str]:
    """Return what to call the models of a history, by their digests."""
    return {each.model.digest: f"{history.model}/{each.version}" for each in history.versions}


def write_reports(
    report: Report,
    *,
    html: Path | None = None,
    junit: Path | None = None,
    markdown: Path | None = None,
) -> None:
    """Write a report to files, each in its own form; folders that are missing are made."""
    if html is not None:
        from trueup.reporting.html import render_html

        _write(html, render_html(report))
    if junit is not None:
        from trueup.reporting.junit import render_junit

        _write(junit, render_junit(report))
    if markdown is not None:
        from trueup.reporting.markdown import render_markdown

        _write(markdown, render_markdown(report))


def _write(path: Path, text: str) -> None:
    with explained(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _last(workspace: Workspace, name: VersionName) -> Given | None:
    """Return the newest verdict on a model or version, of those that this scope may read."""
    registry = registry_of(workspace)
    history = registry.so_far(name.model)
    model = ""
    if name.version is not None or name.alias:
        environment = environments_of(workspace)[0]
        model = registry.resolve(name, environment).version.model.digest
    events = [one for one in _judged(history) if model in ("", one.evidence.model)]
    newest = _of_event(workspace, history, events[0]) if events else None
    own = next(iter(_own(workspace, history, model)), None)
    if newest is None or (own is not None and own.at > newest.at):
        return own
    return newest


def _judged(history: History) -> list[Judged]:
    """Return the judgements of a history, the newest first."""
    return [one for one in reversed(history.events) if isinstance(one, Judged)]


def _of_event(workspace: Workspace, history: History, event: Judged) -> Given:
    evidence = event.evidence
    body = read_verdict(workspace.bucket, evidence.scope, evidence.verdict)
    verdict = verdict_of(body, evidence.verdict)
    return _given(history, verdict, evidence.scope, event.at, evidence.environment)


def _own(workspace: Workspace, history: History, model: str) -> Iterator[Given]:
    """Yield the verdicts of a scope without trust, which stand in no history, the newest first."""
    scope = scope_from(workspace.env, workspace.bucket)
    if scope.is_trusted:
        return
    rules = _rules(workspace, history.model)
    entries = sorted(
        workspace.bucket.list(f"verdicts/{scope.name}/"), key=lambda one: one.modified, reverse=True
    )
    for entry in entries[:_LOOKED_AT]:
        digest = entry.key.rpartition("/")[2].removesuffix(".json")
        try:
            verdict = verdict_of(read_verdict(workspace.bucket, scope.name, digest), digest)
        except NotProven:
            continue  # not what its name says: as if it were not there
        if verdict.digests.get("rules") in rules and model in ("", verdict.digests["model"]):
            where = rules[verdict.digests["rules"]]
            yield _given(history, verdict, scope.name, entry.modified, where)


def _rules(workspace: Workspace, name: str) -> dict[str, str]:
    """Return the environments whose rules a verdict on a model may be by, by the rules' digest."""
    project, _, model = name.partition("/")
    if project != workspace.project.name or model not in workspace.project.models:
        return {}
    entry, targets = model_entry(workspace, model), workspace.project.environments
    return {
        rules_digest(entry, targets.get(each)): each
        for each in reversed(environments_of(workspace))
    }


def _by_digest(workspace: Workspace, digest: str) -> Given:
    """Return the verdict whose digest begins so."""
    registry = registry_of(workspace)
    histories = [
        registry.so_far(f"{workspace.project.name}/{model}") for model in workspace.project.models
    ]
    known = {history.model for history in histories}
    histories += [each for each in registry.histories() if each.model not in known]
    for history in histories:
        for event in _judged(history):
            if event.evidence.verdict.startswith(digest):
                return _of_event(workspace, history, event)
        for one in _own(workspace, history, ""):
            if one.verdict.digest.startswith(digest):
                return one
    raise NoVerdict(f"whose digest is {digest}")


def _given(history: History, verdict: Verdict, scope: str, at: datetime, environment: str) -> Given:
    names = names_of(history)
    _, _, number = names.get(verdict.digests.get("model", ""), "").rpartition("/")
    version = int(number or 0)
    return Given(
        model=history.model,
        version=version,
        scope=scope,
        at=at,
        verdict=verdict,
        environment=environment,
        names=names,
        notes=notes_of(history, version),
    )
