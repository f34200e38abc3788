"""All checks of the rows that a retrain would learn from, and the verdict."""

from collections.abc import Callable, Iterator

import msgspec

from trueup.loop.guard import arriving, counting, echoing, maturing
from trueup.loop.guard.records import Check, Finding, Guarded, Limits
from trueup.loop.guard.rows import Known, Rows

_Checking = Callable[[Rows, Known, Limits], Iterator[Finding]]
_CHECKS: tuple[tuple[Check, _Checking], ...] = (
    ("schema", arriving.schema),
    ("broken_data", arriving.broken_data),
    ("skew", arriving.skewed),
    ("as_of", maturing.as_of),
    ("maturity", maturing.maturity),
    ("label_gap", maturing.label_gap),
    ("selection", maturing.selection),
    ("duplicate_ids", arriving.duplicate_ids),
    ("duplicate_rows", arriving.duplicate_rows),
    ("own_source", echoing.own_source),
    ("early_labels", echoing.early_labels),
    ("own_predictions", echoing.own_predictions),
    ("own_actions", echoing.own_actions),
    ("rows", counting.enough_rows),
    ("classes", counting.enough_of_each_class),
    ("groups", counting.enough_groups),
)
_OF_CAPTURES: tuple[Check, ...] = (
    "maturity", "label_gap", "selection", "own_source", "early_labels", "own_predictions",
)  # fmt: skip
_DEFAULT = Limits()


def guard(rows: Rows, known: Known, limits: Limits = _DEFAULT) -> Guarded:
    """Return whether a retrain may learn from these rows: those findings first that stop it.

    Equal rows and knowledge give an equal verdict: the only time is that which is decided for.
    """
    without = dict(_without(rows, known))
    found: list[Finding] = []
    for name, check in _CHECKS:
        if name not in without:
            found += (_accepted(one, known) for one in check(rows, known, limits))
    found.sort(key=lambda one: not one.stops)
    return Guarded(
        go=not any(one.stops for one in found),
        findings=tuple(found),
        rows=rows.table.height,
        at=rows.now,
        checked=tuple(name for name, _ in _CHECKS if name not in without),
        not_checked=(
            *(f"{name.replace('_', ' ')}: {why}" for name, why in without.items()),
            *_in_part(known),
        ),
        limits=limits,
    )


def _accepted(one: Finding, known: Known) -> Finding:
    """Return a finding that no longer stops where somebody has said that it is meant."""
    if not one.stops or not {one.check, f"{one.check}:{one.column}"} & known.accepted:
        return one
    return msgspec.structs.replace(one, stops=False, accepted=True)


def _without(rows: Rows, known: Known) -> Iterator[tuple[Check, str]]:
    """Yield the checks that cannot be made, and why; the others look at what there is."""
    if known.windows is None:
        yield "broken_data", "monitoring has checked none of these rows"
    if known.skew is None:
        yield "skew", "what was served has not been compared with what the pipeline computes"
    if not rows.id:
        yield "duplicate_ids", "no id column is known"
    if not rows.group:
        yield "groups", "no group is declared"
    if rows.captured is None:
        for name in _OF_CAPTURES:
            yield name, "nothing was captured of these rows"
    else:
        yield from _without_facts(rows, known)


def _in_part(known: Known) -> Iterator[str]:
    """Yield what checks that are made do not look at."""
    if known.signature is None:
        yield "columns and their types: the signature of the version that is live is not known"
    if known.before is None:
        yield "whether rows or classes have gone: the last training is not known"


def _without_facts(rows: Rows, known: Known) -> Iterator[tuple[Check, str]]:
    """Yield the checks for which what was captured does not say enough."""
    if not known.own:
        yield "own_source", "it is not known under which names the model writes"
    mature = maturing.mature_rows(rows, known)
    if mature is None:
        why = "it is not known at which age labels are complete (labels.mature_after)"
        for name in ("maturity", "label_gap", "selection"):
            yield name, why
    elif not mature["score"].is_not_null().any():
        yield "selection", "no scores were captured"
