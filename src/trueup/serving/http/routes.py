"""Every route of the server, in one table."""

from trueup.serving.http import predict
from trueup.serving.http.app import Route

ROUTES: tuple[Route, ...] = (
    Route("predict", "POST", "/predict", predict.predict, "predict"),
    Route("predict", "POST", "/predict/{model}", predict.predict, "predict"),
    Route("predict", "POST", "/predict/{model}/{version}", predict.predict, "predict"),
)
