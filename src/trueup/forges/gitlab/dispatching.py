"""Starts pipelines on GitLab and finds them again by the decision in their name or variables."""

import re
from collections.abc import Mapping

from trueup.errors import WrongUsage
from trueup.forges.calling import shaped
from trueup.forges.gitlab.client import GitLab
from trueup.forges.gitlab.shapes import Pipeline, Variable
from trueup.forges.ordering import check_order, names_decision
from trueup.forges.port import Dispatched, Order, Progress

DECISION = "TRUEUP_DECISION"
MOST_LOOKED_AT = 100  # pipelines, newest first; of a nameless one its variables are read, too
_PROGRESS: Mapping[str, Progress] = {
    "success": "success",
    "failed": "failure",
    "canceled": "cancelled",
    "canceling": "cancelled",
    "skipped": "cancelled",
    "running": "running",
}


class GitLabPipelines:
    """Pipelines of a project. The decision comes in TRUEUP_DECISION, each input in TRUEUP_NAME.

    With ``workflow: {name: "retrain $TRUEUP_DECISION"}`` a pipeline is found by its name;
    without, by its variables, at one request for each of the newest hundred.
    """

    def __init__(self, gitlab: GitLab) -> None:
        self._gitlab = gitlab

    def dispatch(self, order: Order) -> Dispatched:
        """Start a pipeline for a decision, unless one is found that was."""
        check_order(order)
        token = self._gitlab.credential.token()
        if token.kind == "job":
            return self._triggered(order, token.reveal())
        known = self.dispatched(order)
        if known:
            return known
        variables = [{"key": key, "value": text} for key, text in variables_of(order).items()]
        body = {"ref": order.ref, "variables": variables}
        answer = self._gitlab.caller.ask(
            "POST", f"{self._gitlab.path}/pipeline", "start a pipeline", body=body
        )
        return self._shown(order, answer.body)

    def dispatched(self, order: Order) -> Dispatched | None:
        """Return the newest pipeline that was started for the decision."""
        caller, name = self._gitlab.caller, self._gitlab.place.name
        query = {"source": "api", "ref": order.ref, "order_by": "id", "sort": "desc"}
        path = f"{self._gitlab.path}/pipelines"
        for each in caller.pages(path, "read pipelines", query, most=MOST_LOOKED_AT // 100):
            pipeline = shaped(name, Pipeline, each)
            if self._is_for(pipeline, order.decision):
                return _dispatched(order, pipeline)
        return None

    def _is_for(self, pipeline: Pipeline, decision: str) -> bool:
        if pipeline.name:
            return names_decision(pipeline.name, decision)
        path = f"{self._gitlab.path}/pipelines/{pipeline.id}/variables"
        answer = self._gitlab.caller.ask("GET", path, "read a pipeline's variables")
        held = shaped(self._gitlab.place.name, list[Variable], answer.body)
        return any(each.key == DECISION and each.value == decision for each in held)

    def _triggered(self, order: Order, token: str) -> Dispatched:
        """Start a pipeline from a job, whose token can neither look nor find it again."""
        body = {"token": token, "ref": order.ref, "variables": variables_of(order)}
        answer = self._gitlab.caller.ask(
            "POST", f"{self._gitlab.path}/trigger/pipeline", "trigger a pipeline", body=body
        )
        return self._shown(order, answer.body)

    def _shown(self, order: Order, body: object) -> Dispatched:
        return _dispatched(order, shaped(self._gitlab.place.name, Pipeline, body))


def variables_of(order: Order) -> dict[str, str]:
    """Return the variables that a pipeline is started with.

    >>> variables_of(Order("d-0123", "main", inputs={"prepare.until": "2013-03-01"}))
    {'TRUEUP_DECISION': 'd-0123', 'TRUEUP_PREPARE_UNTIL': '2013-03-01'}
    """
    named = {DECISION: order.decision}
    for key, text in order.inputs.items():
        name = f"TRUEUP_{re.sub('[^A-Za-z0-9]', '_', key).upper()}"
        if name in named:
            raise WrongUsage(
                f"two inputs would both be the variable {name}", remedy="Rename one of them"
            )
        named[name] = text
    return named


def _dispatched(order: Order, pipeline: Pipeline) -> Dispatched:
    progress = _PROGRESS.get(pipeline.status, "waiting")
    return Dispatched(order.decision, progress, pipeline.id, pipeline.web_url)
