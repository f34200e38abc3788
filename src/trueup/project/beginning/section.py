"""The models: section of a proposal as text, each line explained; a comment where it lacks."""

import textwrap
from collections.abc import Iterator

from trueup.project.beginning.findings import ModelDraft
from trueup.project.beginning.scalars import scalar

_WIDTH = 96
_COLUMN = 40  # where what explains a line begins


def models_section(draft: ModelDraft) -> str:
    """Return the section; of a model that lacks something, as a comment with places to fill in."""
    lines = ["models:", *_model(draft)]
    if not draft.missing:
        return "\n".join([*lines, ""])
    head = [
        *_said("No model is judged yet: " + draft.missing + ".", ""),
        "# When that is mended, take the # from these lines and fill in what is in capitals; or",
        "# remove this file, and let trueup init look again.",
    ]
    return "\n".join([*head, *(f"# {line}" for line in lines), ""])


def _model(draft: ModelDraft) -> Iterator[str]:
    yield f"  {scalar(draft.name)}:"
    yield _line("    path", draft.path, "MODEL_FILE", "what is judged, registered and promoted")
    says = "or multiclass, regression ..." if draft.task == "binary" else "or binary ..."
    yield _line("    task", draft.task, "TASK", says)
    if not draft.predictions:
        yield _explained("    # features: [COLUMN]", "if not all but target, id and time")
    if draft.seen:
        names = ", ".join(map(scalar, draft.seen))
        yield _explained(f"    seen: [{names}]", "what it is trained on, and nothing else")
    yield "    evaluate:"
    if draft.data or not draft.predictions:
        yield _line("      data", draft.data, "TABLE", "rows that it was not trained on")
    if draft.predictions:
        says = "made of just this model and these rows"
        yield _line("      predictions", draft.predictions, "", says)
    yield _line("      target", draft.target, "COLUMN", "what is predicted")
    yield from _dependence(draft)
    yield _explained("    gate:", "what has not shown this is not promoted")
    yield "      rules:"
    yield from _limit(draft)
    yield from _comparison(draft)


def _dependence(draft: ModelDraft) -> Iterator[str]:
    if draft.id:
        yield _line("      id", draft.id, "", "names a row: so it is known which ones were seen")
    else:
        says = "names a row; else it is not known which were seen"
        yield _explained("      # id: COLUMN", says)
    if draft.time:
        yield _line("      time", draft.time, "", "rows of one day are not independent")
    else:
        yield _explained("      # time: COLUMN", "if rows of one day go together")
    yield _explained("      # group: COLUMN", "if rows of one customer, machine ... go together")
    yield _explained("      # slices: [COLUMN]", "parts that a rule with each: COLUMN looks at")


def _limit(draft: ModelDraft) -> Iterator[str]:
    if draft.limit is None:
        yield "        # Outright, by what was measured, with room for what few rows cannot tell:"
        yield "        - {metric: METRIC, at_least: NUMBER}"
        return
    easier = "down" if draft.limit.key == "at_least" else "up"
    text = f"Outright: {draft.limit.why}, rounded {easier}. A floor; set what you need."
    yield from _said(text, " " * 8)
    metric, value = scalar(draft.limit.metric), f"{draft.limit.value:.12g}"
    yield f"        - {{metric: {metric}, {draft.limit.key}: {value}}}"


def _comparison(draft: ModelDraft) -> Iterator[str]:
    metric = scalar(draft.compared) if draft.compared else "METRIC"
    if draft.margin is not None:
        says = f"On the same rows as the champion: shown to be at most {draft.margin:g} worse."
        yield from _said(says, " " * 8)
        yield f"        - {{metric: {metric}, versus: champion, margin: {draft.margin:g}}}"
        return
    says = (
        "On the same rows as the champion, at most so much worse, in the metric's own unit: write"
        " how much that is. Without margin, trueup gate names one that these rows can prove."
    )
    yield from _said(says, " " * 8)
    yield f"        # - {{metric: {metric}, versus: champion, margin: NUMBER}}"


def _line(key: str, value: str, place: str, says: str) -> str:
    return _explained(f"{key}: {scalar(value) if value else place}", says)


def _explained(line: str, says: str) -> str:
    return f"{line:{_COLUMN}}# {says}" if len(line) < _COLUMN else f"{line}  # {says}"


def _said(text: str, before: str) -> list[str]:
    lines = textwrap.wrap(text, _WIDTH - len(before) - 2, break_on_hyphens=False)
    return [f"{before}# {line}" for line in lines]
