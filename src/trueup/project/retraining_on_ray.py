"""A retrain on Ray: the checkout's tracked files as a job, found again by the decision."""

from collections.abc import Iterator, Sequence

from trueup import git
from trueup.compute.ray_jobs import Job, RayJobs, packed
from trueup.config.loop_entries import RayEntry
from trueup.errors import NotProven, WrongUsage
from trueup.loop.ports import Training
from trueup.project.workspace import STORE_VARIABLE, Workspace
from trueup.store.folder import FolderBucket

_ADDRESSES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
_TOKEN = "RAY_AUTH_TOKEN"  # noqa: S105 - the variable's name
_TOLD_LINES = 20
_OURS = ("python", "-m", "trueup", "run", "--no-gate")


class Jobs:
    """Has a Ray cluster run the pipeline for a model's decisions."""

    def __init__(self, workspace: Workspace, model: str, entry: RayEntry) -> None:
        """Find the cluster's address; WrongUsage where nobody says it, or a variable is missing."""
        env = workspace.env
        address = entry.address or next((env[name] for name in _ADDRESSES if env.get(name)), "")
        if not address.startswith(("http://", "https://")):
            raise WrongUsage(
                "where: ray wants the address of the cluster's dashboard"
                + (f", and {address} is none" if address else ""),
                remedy="Write loop: retrain: ray: address: http://HOST:8265, or set RAY_ADDRESS",
                place=workspace.project.file,
            )
        missing = [name for name in entry.env if name not in env]
        if missing:
            raise WrongUsage(
                f"the job is to get {missing[0]}, which is not set here",
                remedy=f"Set it, or take it out of loop: retrain: ray: env: {missing[0]}",
                place=workspace.project.file,
            )
        self._root, self._model, self._entry = workspace.root, model, entry
        self._env = {name: env[name] for name in entry.env}
        self._env.setdefault(STORE_VARIABLE, _store_of(workspace))
        self._jobs = RayJobs(address, env.get(_TOKEN, ""))

    def find(self, name: str) -> Training | None:
        """Return how far the job is."""
        found = self._jobs.find(name)
        if found is None:
            return None
        reference = f"{self._jobs.address}/#/jobs/{name}"
        if found.status == "SUCCEEDED":
            return Training("done", reference)
        if found.status in ("FAILED", "STOPPED"):
            tail = "\n".join(self._told(name))
            says = f"the job {name} has ended as {found.status}: {found.message}\n{tail}".strip()
            return Training("failed", reference, self._without_secrets(says))
        return Training("running", reference)

    def start(self, name: str, sets: Sequence[str]) -> Training:
        """Hand over the tracked files as they lie here, and submit the job."""
        files = git.tracked_files(self._root)
        if not files:
            raise NotProven(
                "Git tracks no file here, and only what it tracks is handed to a job",
                remedy="Add the project to Git: git add",
            )
        words = [*_OURS, *(word for one in sets for word in ("--set", one))]
        package = packed(self._root, files)
        job = Job(
            name,
            words,
            self._jobs.upload(package),
            self._env,
            {"trueup_model": self._model},
            cpus=self._entry.cpus,
            gpus=self._entry.gpus,
        )
        self._jobs.submit(job)
        return Training("running", f"{self._jobs.address}/#/jobs/{name}")

    def _told(self, name: str) -> Iterator[str]:
        lines = self._jobs.logs(name).splitlines()
        yield from lines[-_TOLD_LINES:]

    def _without_secrets(self, text: str) -> str:
        for name, value in self._env.items():
            if len(value) > 3 and name != STORE_VARIABLE:
                text = text.replace(value, f"${name}")
        return text


def _store_of(workspace: Workspace) -> str:
    """Return where the bucket is, also for a job that runs in another folder."""
    bucket = workspace.bucket
    return str(bucket.root.resolve()) if isinstance(bucket, FolderBucket) else workspace.store_url
