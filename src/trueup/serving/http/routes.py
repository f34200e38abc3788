"""Every route of the server, in one table."""

import msgspec

from trueup.serving.http import (
    admin,
    exposition,
    feedback,
    inference,
    invocations,
    openapi,
    page,
    predict,
)
from trueup.serving.http.table import Answering, Route

_MODEL = "/v2/models/{model}"
_VERSION = f"{_MODEL}/versions/{{version}}"


def _shown(name: str, path: str, answer: object) -> Route:
    """Return a route that is read, needs no token and is never turned away for want of room."""
    return Route(name, "GET", path, answer, bounded=False)  # type: ignore[arg-type]  # one of ours


ROUTES: tuple[Route, ...] = (
    Route("predict", "POST", "/predict", predict.predict, "predict"),
    Route("predict", "POST", "/predict/{model}", predict.predict, "predict"),
    Route("predict", "POST", "/predict/{model}/{version}", predict.predict, "predict"),
    Route("feedback", "POST", "/feedback", feedback.feedback, "feedback"),
    Route("feedback", "POST", "/feedback/{model}", feedback.feedback, "feedback"),
    Route("infer", "POST", f"{_MODEL}/infer", inference.infer, "predict"),
    Route("infer", "POST", f"{_VERSION}/infer", inference.infer, "predict"),
    Route("invocations", "POST", "/invocations", invocations.invocations, "predict"),
    Route("admin", "POST", "/admin/refresh", admin.refresh, "admin"),
    _shown("health", "/v2/health/live", inference.live),
    _shown("health", "/v2/health/ready", inference.ready),
    _shown("health", "/ping", invocations.ping),
    _shown("health", "/health", invocations.ping),
    _shown("metadata", "/version", invocations.version),
    _shown("metadata", "/v2", inference.server),
    _shown("metadata", _MODEL, inference.model),
    _shown("metadata", _VERSION, inference.model),
    _shown("health", f"{_MODEL}/ready", inference.model_ready),
    _shown("health", f"{_VERSION}/ready", inference.model_ready),
    _shown("metrics", "/metrics", exposition.metrics),
    _shown("openapi", "/openapi.json", openapi.openapi),
    _shown("page", "/", page.page),
)


def answered_by(name: str, answer: Answering) -> tuple[Route, ...]:
    """Return all routes, of which those with this name are answered otherwise."""
    return tuple(
        msgspec.structs.replace(one, answer=answer) if one.name == name else one for one in ROUTES
    )
