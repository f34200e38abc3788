"""The project's own metrics that rules name, called in the project's own Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trueup.config.model_entries import MetricCall
from trueup.delivery.elsewhere.asking import Asking
from trueup.delivery.elsewhere.functions import functions
from trueup.delivery.subject import Subject

if TYPE_CHECKING:
    from trueup.gate.grouping import Call


@contextmanager
def project_functions(subject: Subject, asking: Asking) -> "Iterator[dict[str, Call]]":
    """Give the functions by their names, for as long as the process lives that they run in."""
    from trueup.gate.grouping import Call

    rules = (*subject.entry.gate.rules, *subject.rules_of_environment)
    metrics = [rule.metric for rule in rules]
    wanted = {one.call: one.per for one in metrics if isinstance(one, MetricCall)}
    if not wanted:
        yield {}
        return
    with functions(asking) as found:
        yield {name: Call(found(name), per) for name, per in wanted.items()}
