"""Which columns of a table are its predictions, by the names that the field uses."""

from typing import TYPE_CHECKING, Any

from trueup.delivery.tables import listed, polars
from trueup.delivery.truths import Truth, codes, numbers
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

SCORES = ("score", "probability", "proba", "y_score", "y_prob", "y_proba")
VALUES = ("prediction", "predicted", "y_pred", "yhat", "y_hat", "forecast")


def predicted(task: str, frame: "pl.DataFrame", truth: Truth, shown_as: str) -> Any:
    """Return the predictions of each row as the gate takes them; WrongUsage unless just one fits.

    A score goes before a label, as it says more.
    """
    there = [name for name in frame.columns if name not in truth.columns]
    name = _only(there, task, shown_as)
    if task == "binary" and frame[name].dtype == polars().String:
        return codes(frame[name], truth.classes)
    return numbers(frame[name], shown_as)


def _only(there: list[str], task: str, shown_as: str) -> str:
    orders = (SCORES, VALUES) if task in ("binary", "ranking") else (VALUES, SCORES)
    for names in orders:
        found = [name for name in names if name in there]
        if len(found) == 1:
            return found[0]
        if found:
            raise WrongUsage(
                f"several columns may be the prediction: {', '.join(found)}",
                remedy=f"Keep one of them. The file has: {listed(there)}",
                place=shown_as,
            )
    raise WrongUsage(
        "no column is known by name as the prediction",
        remedy=f"Name it {' or '.join(orders[0][:2])}. The file has: {listed(there)}",
        place=shown_as,
    )
