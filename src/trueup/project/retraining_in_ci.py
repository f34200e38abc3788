"""A retrain in CI: the forge's workflow runs the pipeline, and is found again by the decision."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from trueup import git
from trueup.config.loop_entries import CiEntry
from trueup.errors import SomebodyElseFirst, WrongUsage
from trueup.forges.credentials import Credential
from trueup.forges.opening import credential_of, open_dispatcher
from trueup.forges.places import Place, place_of
from trueup.forges.port import Dispatched, Order
from trueup.forges.pushing import push_target
from trueup.git.pushing import tip
from trueup.loop.layout import log_prefix
from trueup.loop.ports import Training
from trueup.project.workspace import Workspace
from trueup.store.bucket import Bucket, Missing
from trueup.store.formats import Stored

_BRANCHES = ("GITHUB_REF_NAME", "CI_COMMIT_BRANCH")  # where CI has checked out a commit alone
_LISTED = timedelta(minutes=5)  # a run that was asked for is listed by then, or was lost
FORMAT = 1


class Asked(msgspec.Struct, frozen=True):
    """What was asked of a forge, and when: in between it does not list it yet."""

    at: datetime
    ref: str
    format: int = FORMAT


_STORED = Stored(
    msgspec.json.Decoder(Asked), FORMAT, "what was asked of a forge is", "not what was asked for"
)


class Workflow:
    """Has a forge's workflow run the pipeline for a model's decisions."""

    def __init__(
        self, workspace: Workspace, model: str, entry: CiEntry, now: Callable[[], datetime]
    ) -> None:
        """Find forge, token and branch; AccessRefused or WrongUsage where one is missing."""
        self._root, self._bucket, self._now = workspace.root, workspace.bucket, now
        self._model, self._entry = model, entry
        self._place, self._credential = _forge_of(workspace)
        self._ref = entry.ref or _branch_of(workspace)
        self._runs = open_dispatcher(self._place, self._credential)

    def find(self, name: str) -> Training | None:
        """Return how far the workflow's run is, also while the forge does not list it yet."""
        found = self._runs.dispatched(self._order(name))
        if found is not None:
            return _training(found)
        asked = _asked(self._bucket, self._key(name))
        if asked is None or self._now() - asked.at >= _LISTED:
            return None
        return Training("running", f"asked for at {asked.at:%Y-%m-%d %H:%M:%S %Z}")

    def start(self, name: str, sets: Sequence[str]) -> Training:
        """Start the workflow; SomebodyElseFirst where it would run another commit than this."""
        self._check_commit()
        asked = Asked(self._now(), self._ref)
        self._bucket.put(self._key(name), msgspec.json.encode(asked), sync=True)
        model = self._model.rpartition("/")[2]
        inputs = {"model": model, "sets": "\n".join(sets)}
        return _training(self._runs.dispatch(self._order(name, inputs)))

    def _order(self, name: str, inputs: dict[str, str] | None = None) -> Order:
        workflow = self._entry.workflow if self._place.kind == "github" else ""
        return Order(name, self._ref, workflow, inputs=inputs or {})

    def _key(self, name: str) -> str:
        return f"{log_prefix(self._model)}/asked/{name}.json"

    def _check_commit(self) -> None:
        there = tip(self._root, push_target(self._place, self._credential), self._ref)
        if there != git.head(self._root).commit:
            raise SomebodyElseFirst(
                f"this checkout is not where {self._ref} of {self._place.name} is, which the"
                " workflow would run: pull or push",
                remedy=f"Bring it up to date with: git pull origin {self._ref}",
            )


def _asked(bucket: Bucket, key: str) -> Asked | None:
    try:
        body = bucket.get(key)
    except Missing:
        return None
    return _STORED.read(body, key)


def _training(found: Dispatched) -> Training:
    reference = found.url or f"run {found.id}" if found.id else "asked for"
    if found.progress == "success":
        return Training("done", reference)
    if found.progress in ("failure", "cancelled"):
        ended = "failed" if found.progress == "failure" else "was cancelled"
        return Training("failed", reference, f"the workflow {ended}: {reference}")
    return Training("running", reference)


def _forge_of(workspace: Workspace) -> tuple[Place, Credential]:
    remote = git.remote_url(workspace.root)
    if not remote:
        raise WrongUsage(
            "where: ci has no forge to go to: this checkout has no remote named origin",
            remedy="Name it with: git remote add origin URL; or write where: here",
            place=workspace.project.file,
        )
    place = place_of(remote, workspace.env)
    credential = credential_of(place, workspace.env)
    if credential.token().kind == "job":
        raise WrongUsage(
            "a CI_JOB_TOKEN may start a pipeline and not look for it: it would be started twice",
            remedy="Give a project's access token of the scope api as GITLAB_TOKEN",
        )
    return place, credential


def _branch_of(workspace: Workspace) -> str:
    named = (workspace.env.get(name, "") for name in _BRANCHES)
    found = git.head(workspace.root).branch or next((name for name in named if name), "")
    if not found:
        raise WrongUsage(
            "a workflow cannot be started on a commit that is on no branch",
            remedy="Name one under loop: retrain: ci: ref:, or check one out: git switch main",
        )
    return found
