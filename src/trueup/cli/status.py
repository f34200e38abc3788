"""trueup status."""

from pathlib import Path

import click

from trueup.cli.opening import json_option, opened
from trueup.cli.printing import print_json
from trueup.pipeline.plan import Step


@click.command()
@click.argument("targets", nargs=-1)
@click.option("--affected", metavar="BASE", default="", help="Only what changed since a revision.")
@json_option
@click.pass_obj
def command(folder: Path, targets: tuple[str, ...], affected: str, as_json: bool) -> None:
    """Say what would run, and why; changes nothing.

    TARGETS are stages or outputs; what they need is looked at too.
    """
    from trueup.project.options import RunOptions
    from trueup.project.running import status

    with opened(folder) as workspace:
        steps = status(workspace, RunOptions(targets=targets, affected=affected))
    if as_json:
        print_json({"stages": [as_object(step) for step in steps]})
    else:
        print(as_text(steps))


_WORDS = {"keep": "unchanged", "fetch": "fetch", "run": "run"}


def as_object(step: Step) -> dict[str, object]:
    """Return a step as the JSON that status and run --dry-run print."""
    return {
        "name": step.stage,
        "state": _WORDS[step.action],
        "key": step.key,
        "reasons": [reason_object(reason) for reason in step.reasons],
    }


def reason_object(reason: object) -> dict[str, object]:
    """Return a reason as JSON, its sentence beside its parts."""
    import msgspec

    plain: dict[str, object] = msgspec.to_builtins(reason)
    return {**plain, "text": reason.text}  # type: ignore[attr-defined] # a Reason


def as_text(steps: list[Step]) -> str:
    """Return the plan as lines: stages that do something, or that nothing does."""
    if not steps:
        return "nothing to do: no stage is affected"
    busy = [step for step in steps if step.action != "keep"]
    if not busy:
        return f"nothing changed: all {len(steps)} stages are as trueup.lock says"
    width = max(len(step.stage) for step in busy)
    lines = [
        f"{step.stage:{width}}  {_WORDS[step.action]:5}  "
        + "; ".join(reason.text for reason in step.reasons)
        for step in busy
    ]
    rest = len(steps) - len(busy)
    return "\n".join([*lines, f"{rest} of {len(steps)} stages unchanged"] if rest else lines)
