"""Starts workflows on GitHub and finds their runs again by the decision in their title."""

from collections.abc import Mapping

from trueup.errors import WrongUsage
from trueup.forges.calling import Query, segment, shaped
from trueup.forges.github.client import GitHub
from trueup.forges.github.shapes import Run, Started
from trueup.forges.ordering import check_order, names_decision
from trueup.forges.port import Dispatched, Order, Progress

PAGES = 5  # of a hundred runs each, newest first
_PROGRESS: Mapping[str, Progress] = {
    "success": "success",
    "neutral": "success",
    "skipped": "cancelled",
    "cancelled": "cancelled",
    "stale": "cancelled",
}
_MOST_INPUTS = 25  # of workflow_dispatch; a repository_dispatch carries one mapping


class GitHubRuns:
    """Workflow runs of a repository. A workflow has to bear the decision in its ``run-name``:

    ``run-name: trueup ${{ inputs.decision || github.event.client_payload.decision }}``
    """

    def __init__(self, github: GitHub) -> None:
        self._github = github

    def dispatch(self, order: Order) -> Dispatched:
        """Start a workflow for a decision, unless a run of it is found."""
        check_order(order)
        if bool(order.workflow) == bool(order.event):
            raise WrongUsage(
                "an order on GitHub names a workflow file or an event, one of them",
                remedy="Name the workflow that retrains, such as trueup-retrain.yml",
            )
        known = self.dispatched(order)
        if known:
            return known
        return self._by_event(order) if order.event else self._by_workflow(order)

    def dispatched(self, order: Order) -> Dispatched | None:
        """Return the newest run whose title names the decision; of 500 it looks no further."""
        path, event = f"{self._github.path}/actions/runs", "repository_dispatch"
        if order.workflow:
            path = f"{self._workflow(order)}/runs"
            event = "workflow_dispatch"
        query: Query = {"event": event}
        name = self._github.place.name
        for each in self._github.caller.pages(
            path, "read workflow runs", query, under="workflow_runs", most=PAGES
        ):
            run = shaped(name, Run, each)
            if names_decision(run.display_title, order.decision):
                return Dispatched(order.decision, _progress(run), run.id, run.html_url)
        return None

    def _by_workflow(self, order: Order) -> Dispatched:
        inputs = {"decision": order.decision, **order.inputs}
        if len(inputs) > _MOST_INPUTS:
            raise WrongUsage(
                f"a workflow takes {_MOST_INPUTS} inputs, not {len(inputs)}",
                remedy="Put the parameters into one input, as JSON",
            )
        body: dict[str, object] = {"ref": order.ref, "inputs": inputs}
        if self._github.place.api.startswith("https://api."):
            body["return_run_details"] = True  # enterprise servers may not know it yet
        path = f"{self._workflow(order)}/dispatches"
        answer = self._github.caller.ask("POST", path, "start a workflow", body=body)
        if answer.body is None:
            return Dispatched(order.decision, "asked")
        started = shaped(self._github.place.name, Started, answer.body)
        return Dispatched(order.decision, "waiting", started.workflow_run_id, started.html_url)

    def _by_event(self, order: Order) -> Dispatched:
        payload = {"decision": order.decision, "ref": order.ref, "inputs": order.inputs}
        body = {"event_type": order.event, "client_payload": payload}
        path = f"{self._github.path}/dispatches"
        self._github.caller.ask("POST", path, "dispatch an event", body=body)
        return Dispatched(order.decision, "asked")

    def _workflow(self, order: Order) -> str:
        return f"{self._github.path}/actions/workflows/{segment(order.workflow)}"


def _progress(run: Run) -> Progress:
    if run.status == "completed":
        return _PROGRESS.get(run.conclusion or "", "failure")
    return "running" if run.status == "in_progress" else "waiting"
