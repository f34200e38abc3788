"""The model's one pull request: the candidate's lock and parameters, its evidence, its merge."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trueup import clock, git
from trueup.errors import NotProven, SomebodyElseFirst, WrongUsage
from trueup.forges.credentials import Credential
from trueup.forges.opening import credential_of, open_forge
from trueup.forges.places import Place, place_of
from trueup.forges.port import Draft
from trueup.forges.port import Proposal as Request
from trueup.forges.pushing import Change, propose_change, push_target
from trueup.git.branches import Person
from trueup.git.pushing import tip
from trueup.loop.events import Decided, PullRequestClosed
from trueup.loop.history import Course, History, Proposal
from trueup.loop.journal import Journal
from trueup.loop.policy import Policy
from trueup.loop.ports import Move, Proposed
from trueup.pipeline.lock import FILE as LOCK
from trueup.project.borrowing import Borrowed
from trueup.project.gating import gate
from trueup.project.registering import environments_of, locked_artifact, resolve
from trueup.project.reports import given, together
from trueup.project.retraining import Here
from trueup.project.workspace import Workspace
from trueup.registry.reports import version_report
from trueup.reporting.blocks import Block, Column, Report, Table, Text
from trueup.reporting.markdown import render_markdown

if TYPE_CHECKING:
    from trueup.registry.registry import Resolved

_LABELS = ("trueup",)
_BRANCHES = ("GITHUB_REF_NAME", "CI_COMMIT_BRANCH")  # where CI has checked out a commit alone


class PullRequests:
    """Proposes what a loop has trained in this checkout, and promotes what was merged."""

    def __init__(self, workspace: Workspace, policy: Policy, here: Here) -> None:
        """Find forge and token; AccessRefused or WrongUsage where there is none."""
        self._root, self._env = workspace.root, workspace.env
        self._policy, self._here = policy, here
        self._own = policy.model.removeprefix(f"{workspace.project.name}/")
        self._branch = f"trueup/{self._own}"
        self._place, self._credential = _forge_of(workspace)
        self._base = _base_of(workspace.root, workspace.env, self._branch)
        self._forge = open_forge(self._place, self._credential)
        self._borrowed = Borrowed(workspace.root, workspace.env)
        self._changed: frozenset[str] = frozenset()  # of Git's files, before this pass

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Leave the checkout after a pass as it was before it, and before one that was killed."""
        self._borrowed.give_back()
        try:
            yield
        finally:
            self._borrowed.give_back()

    def check(self) -> None:
        """See, before anything is trained, that what is trained here is what is proposed there.

        Raises SomebodyElseFirst, so that a later pass tries again: on a checkout that is not at
        its base any more, or in which a file of Git's was changed before this pass.
        """
        self.borrow()
        if self._changed:
            raise SomebodyElseFirst(
                f"{min(self._changed)} is changed in this checkout, and a pull request is only of"
                " what a retrain changes: commit it, or put it back",
                remedy="See: git status",
            )
        there = tip(self._root, push_target(self._place, self._credential), self._base)
        if there != git.head(self._root).commit:
            raise SomebodyElseFirst(
                f"this checkout is not where {self._base} of {self._place.name} is: pull or push",
                remedy=f"Bring it up to date with: git pull origin {self._base}",
            )

    def borrow(self) -> None:
        """Keep what a retrain changes here, so that it can be put back."""
        if self._borrowed.held:
            return
        self._changed = git.tracked(self._root, git.changed_files(self._root, "HEAD"))
        workspace = self._opened()
        outs = (out for stage in workspace.graph.stages.values() for out in stage.outs)
        made = (out.path for out in outs if not out.external)
        self._borrowed.take((*self._parameters(workspace), LOCK, *made))

    def propose(self, decided: Decided, version: int, known: Proposal | None) -> Proposed:
        """Push the candidate's files as the model's branch, and open or update its request."""
        if known is not None and self._state(known) != "open":
            raise SomebodyElseFirst(
                f"the pull request {known.opened.number} was closed meanwhile",
                remedy="The next pass sees it, and goes on from there",
            )
        self._here.settle(decided)
        workspace = self._opened()
        found = resolve(workspace, f"{decided.model}/{version}", decided.environment)
        self._check_version(workspace, found)
        history = Journal(workspace.bucket, decided.model).history()
        title = f"Retrain {self._own}: version {version}"
        change = Change(
            base="HEAD",
            files=self._files(workspace),
            message=f"{title}\n\nBecause {decided.cause.says}\n\nDecision: {decided.decision}\n",
            by=Person("trueup", "trueup@localhost", decided.cause.as_of),
            pushed=_pushed(history),
        )
        draft = Draft(
            branch=self._branch,
            base=self._base,
            title=title,
            body=_body(workspace, history.courses[decided.decision], found),
            subject=decided.model,
            decision=decided.decision,
            labels=_LABELS,
        )
        target = push_target(self._place, self._credential)
        made = propose_change(self._root, self._forge, target, change, draft)
        return Proposed(made.number, made.url, made.branch, made.commit)

    def closed(self, known: Proposal) -> PullRequestClosed | None:
        """Return how it was closed; what was merged is promoted first, by its verdict.

        One that was merged and waits for an approval is tried again, and told of when that has
        become something else.
        """
        before = known.closed
        if before is None:
            found = self._found(known)
            if found is None or found.state == "open":
                return None
            before = PullRequestClosed(
                at=clock.now(),
                by="",
                number=known.opened.number,
                merged=found.state == "merged",
                who=found.closed_by,
                commit=found.merge_commit,
            )
            if not before.merged:
                return before
        move = self._promoted(known)
        if move.ask and before.waits:
            return None
        told = f"pull request {known.opened.number} was merged"
        says = f"{told}: {move.says}" if move.moved else f"{told} and not promoted: {move.says}"
        return msgspec.structs.replace(before, says=says, promoted=move.moved, waits=move.ask)

    def _promoted(self, known: Proposal) -> Move:
        """Promote what was merged.

        Where the champion has moved since the verdict, the version is judged against the new one
        first, on the rows that the decision has made: a merge is a person's wish, no verdict.
        """
        last = known.updated or known.opened
        workspace = self._opened()
        courses = Journal(workspace.bucket, self._policy.model).history().courses
        decided, version = courses[last.decision].decided, last.version or 0
        move = self._here.promote(decided, version)
        if not move.judge_again:
            return move
        self.borrow()
        entry = workspace.project.models[self._own]
        data = entry.evaluate.data if entry.evaluate else ""
        self._here.make(decided, [str(one) for one in (entry.path, data) if one])
        gate(workspace, f"{self._policy.model}/{version}", decided.environment)
        return self._here.promote(decided, version)

    def _state(self, known: Proposal) -> str:
        found = self._found(known)
        return found.state if found else "open"

    def _found(self, known: Proposal) -> Request | None:
        """Return the request as the forge shows it; one behind which there is a newer is closed."""
        found = self._forge.find(self._branch, self._policy.model)
        if found is None or found.number == known.opened.number:
            return found
        return Request(known.opened.number, "", "closed", self._branch, self._base, "")

    def _check_version(self, workspace: Workspace, found: "Resolved") -> None:
        """Refuse to propose a lock that names another model than the one that was judged."""
        made = locked_artifact(workspace, str(workspace.project.models[self._own].path))
        if made.digest != found.version.model.digest:
            raise NotProven(
                f"training made another model again than version {found.version.version}",
                remedy="Keep what a stage makes in a bucket that all machines share, or make the"
                " stage give the same twice: fix its seeds",
            )

    def _files(self, workspace: Workspace) -> dict[str, bytes | None]:
        paths = self._paths(workspace)
        return {path: (self._root / path).read_bytes() for path in paths}

    def _paths(self, workspace: Workspace) -> list[str]:
        """Return what a retrain changes and Git keeps: lock, parameters, small outputs."""
        outs = [out.path for stage in workspace.graph.stages.values() for out in stage.outs]
        wanted = [LOCK, *self._parameters(workspace), *git.tracked(self._root, outs)]
        return [path for path in dict.fromkeys(wanted) if (self._root / path).is_file()]

    def _parameters(self, workspace: Workspace) -> list[str]:
        """Return the files that parameters are set in."""
        named = [key.rpartition(":")[0] for key in self._policy.params]
        return [path for path in (*workspace.project.params, *named) if path]

    def _opened(self) -> Workspace:
        return Workspace(self._root, self._env)


def _forge_of(workspace: Workspace) -> tuple[Place, Credential]:
    remote = git.remote_url(workspace.root)
    if not remote:
        raise WrongUsage(
            "then: pull_request has no forge to go to: this checkout has no remote named origin",
            remedy="Name it with: git remote add origin URL; or write then: promote, canary or"
            " person under loop:",
            place=workspace.project.file,
        )
    place = place_of(remote, workspace.env)
    return place, credential_of(place, workspace.env)


def _base_of(root: Path, env: Mapping[str, str], branch: str) -> str:
    """Return the branch that is checked out, which the request is to be merged into."""
    named = (env.get(name, "") for name in _BRANCHES)
    base = git.head(root).branch or next((name for name in named if name), "")
    if base and base != branch:
        return base
    raise WrongUsage(
        f"a pull request cannot be made from {base or 'a commit that is on no branch'}",
        remedy="Check out the branch that it is to be merged into: git switch main",
    )


def _pushed(history: History) -> str:
    """Return the commit that was pushed last, also for a request that is closed by now."""
    if not history.proposals:
        return ""
    last = history.proposals[-1]
    return (last.updated or last.opened).head


def _body(workspace: Workspace, course: Course, found: "Resolved") -> str:
    decided, version = course.decided, found.version.version
    name = f"{decided.model}/{version}"
    judged = together(given(workspace, name))
    lineage = version_report(found, environments_of(workspace))
    stages = tuple(found.version.lineage.items())
    made_of = Table((Column("stage"), Column("key")), stages, "Stages")
    parts = [
        Report(f"Why {decided.model} was retrained", _cause(decided)),
        Report("Verdict", judged.blocks),
        Report("The data that it learned from", (_guarded(course),)),
        Report("Lineage", (*lineage.blocks, made_of)),
        Report("What comes next", _next(decided, version)),
    ]
    return "\n".join(render_markdown(part) for part in parts)


def _cause(decided: Decided) -> tuple[Block, ...]:
    cause = decided.cause
    facts = {
        "trigger": cause.trigger,
        "windows": ", ".join(cause.windows),
        "decided for": cause.as_of.isoformat(),
        "environment": decided.environment,
        "champion then": str(decided.champion or "none"),
        "decision": decided.decision,
    }
    rows = tuple((name, value) for name, value in facts.items() if value)
    return Text(cause.says), Table((Column("what"), Column("value")), rows)


def _guarded(course: Course) -> Table:
    guarded = course.guarded
    found = guarded.findings if guarded else ()
    rows = tuple((one.check, one.column or None, one.says) for one in found)
    word = guarded.word if guarded else "not looked at"
    columns = (Column("check"), Column("column"), Column("says"))
    return Table(columns, rows, f"The guard: {word}", empty="nothing was found")


def _next(decided: Decided, version: int) -> tuple[Block, ...]:
    where = decided.environment
    return (
        Text(
            f"Merged, version {version} becomes the champion of {where} with the loop's next pass,"
            " by the verdict above. Closed, it does not, and that is remembered."
        ),
        Text("Afterwards, back to the champion before it:"),
        Text(f"trueup rollback {decided.model} --env {where} --why REASON", verbatim=True),
    )
