"""Where a CI job runs: read from the variables that GitHub and GitLab set, and the event's file."""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["github", "gitlab", "plain"]
Event: TypeAlias = Literal["push", "request", "schedule", "dispatch", "other"]

_REQUESTS = ("pull_request", "pull_request_target")
_DISPATCHES = ("repository_dispatch", "workflow_dispatch")
_GITHUB_EVENTS: dict[str, Event] = {
    "push": "push",
    "schedule": "schedule",
    **dict.fromkeys(_REQUESTS, "request"),
    **dict.fromkeys(_DISPATCHES, "dispatch"),
}
_GITLAB_EVENTS: dict[str, Event] = {
    "push": "push",
    "schedule": "schedule",
    "merge_request_event": "request",
    **dict.fromkeys(("web", "api", "trigger", "pipeline"), "dispatch"),
}
_MERGE_REF = re.compile(r"refs/pull/(\d+)/(?:merge|head)")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """The place, the event and the files of one CI job. Empty: the place does not say."""

    kind: Kind = "plain"
    event: Event = "other"
    number: int | None = None  # of the pull or merge request
    fork: bool = False  # the request comes from another repository: its job has no secrets
    base: str = ""  # a commit to compare with
    commit: str = ""
    remote: str = ""  # https address of the repository
    summary: str = ""  # file that GITHUB_STEP_SUMMARY names
    outputs: str = ""  # file that GITHUB_OUTPUT names
    page: str = ""  # where the job itself can be seen

    @property
    def is_request(self) -> bool:
        """Say whether a pull or merge request is checked: nothing is registered there."""
        return self.event == "request"

    @property
    def scope(self) -> str:
        """Return the scope of trust of a request, ``pr/<number>``; empty where there is none."""
        return f"pr/{self.number or 0}" if self.is_request else ""

    @property
    def may_comment(self) -> bool:
        """Say whether a comment has somewhere to go, by a token that may be allowed to write it."""
        return self.is_request and self.number is not None and not self.fork


def event_file(env: Mapping[str, str]) -> str:
    """Return the path of the JSON file that describes the event; empty where there is none."""
    return env.get("GITHUB_EVENT_PATH", "") if _is(env, "GITHUB_ACTIONS") else ""


def where(env: Mapping[str, str], event: Mapping[str, Any]) -> Where:
    """Return where a job runs; ``event`` is the content of the event's file, or empty.

    What has not the shape that the forge documents counts as not said.
    """
    if _is(env, "GITHUB_ACTIONS"):
        return _github(env, event)
    return _gitlab(env) if _is(env, "GITLAB_CI") else Where()


def _is(env: Mapping[str, str], name: str) -> bool:
    return env.get(name, "").lower() == "true"


def _github(env: Mapping[str, str], event: Mapping[str, Any]) -> Where:
    name = env.get("GITHUB_EVENT_NAME", "")
    request = name in _REQUESTS
    server, repository = env.get("GITHUB_SERVER_URL", ""), env.get("GITHUB_REPOSITORY", "")
    remote = f"{server}/{repository}" if server and repository else ""
    run = env.get("GITHUB_RUN_ID", "")
    head = _commit(_at(event, "pull_request", "head", "sha"))
    base = _at(event, "pull_request", "base", "sha") if request else event.get("before")
    return Where(
        kind="github",
        event=_GITHUB_EVENTS.get(name, "other"),
        number=_pull_number(env, event) if request else None,
        fork=request and _from_fork(event),
        base=_commit(base),
        commit=(head if request else "") or env.get("GITHUB_SHA", ""),
        remote=remote,
        summary=env.get("GITHUB_STEP_SUMMARY", ""),
        outputs=env.get("GITHUB_OUTPUT", ""),
        page=f"{remote}/actions/runs/{run}" if remote and run else "",
    )


def _pull_number(env: Mapping[str, str], event: Mapping[str, Any]) -> int | None:
    """Return the number that the event says, else that of the merge commit's reference."""
    said = event.get("number")
    if isinstance(said, int) and not isinstance(said, bool) and said > 0:
        return said
    found = _MERGE_REF.fullmatch(env.get("GITHUB_REF", ""))
    return _number(found[1]) if found else None


def _from_fork(event: Mapping[str, Any]) -> bool:
    """Say whether head and base lie in different repositories; a deleted fork has none."""
    if "pull_request" not in event:
        return False
    head = _at(event, "pull_request", "head", "repo", "full_name")
    base = _at(event, "pull_request", "base", "repo", "full_name")
    return bool(head != base)


def _gitlab(env: Mapping[str, str]) -> Where:
    request = env.get("CI_PIPELINE_SOURCE") == "merge_request_event"
    server, project = env.get("CI_SERVER_URL", ""), env.get("CI_PROJECT_PATH", "")
    base = env.get("CI_MERGE_REQUEST_DIFF_BASE_SHA" if request else "CI_COMMIT_BEFORE_SHA", "")
    source, own = (
        env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"),
        env.get("CI_MERGE_REQUEST_PROJECT_ID"),
    )
    return Where(
        kind="gitlab",
        event=_GITLAB_EVENTS.get(env.get("CI_PIPELINE_SOURCE", ""), "other"),
        number=_number(env.get("CI_MERGE_REQUEST_IID", "")) if request else None,
        fork=request and source is not None and own is not None and source != own,
        base=_commit(base),
        commit=env.get("CI_COMMIT_SHA", ""),
        remote=f"{server}/{project}" if server and project else "",
        page=env.get("CI_JOB_URL", ""),
    )


def _number(text: str) -> int | None:
    plain = text.isascii() and text.isdigit() and len(text) < 16
    return int(text) or None if plain else None


def _commit(value: object) -> str:
    """Return a commit's hash; nothing for what is none, and for the zeros of a new branch."""
    if isinstance(value, str) and _COMMIT.fullmatch(value) and value.strip("0"):
        return value
    return ""


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
