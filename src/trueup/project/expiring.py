"""What gc does with captures: those that are older than they are kept go."""

from datetime import timedelta

from trueup.captures import retention
from trueup.captures.retention import Expired
from trueup.project.registering import stamp_of
from trueup.project.workspace import Workspace


def expire(workspace: Workspace, *, dry_run: bool = False) -> dict[str, Expired]:
    """Remove what is older than ``keep.captures``, of each of the project's models.

    Without ``keep.captures`` everything stays, and nothing is looked at.
    """
    keep_s = workspace.project.keep.get("captures")
    if not keep_s:
        return {}
    before = stamp_of(workspace).at - timedelta(seconds=keep_s)
    project = workspace.project
    return {
        model: retention.expire(
            workspace.bucket, f"{project.name}/{model}", before, dry_run=dry_run
        )
        for model in project.models
    }
