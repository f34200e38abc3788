"""trueup run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trueup.cli import INTERRUPTED
from trueup.cli.opening import json_option, opened
from trueup.cli.printing import print_json, say
from trueup.cli.status import as_object, as_text, reason_object

if TYPE_CHECKING:
    from trueup.delivery.delivering import Delivered
    from trueup.pipeline.outcome import RunResult
    from trueup.project.options import RunOptions
    from trueup.project.workspace import Workspace

_STAGE_FAILED = 6


@click.command()
@click.argument("targets", nargs=-1)
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a parameter in its file."
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="CPUs to use; default: all.")
@click.option("-f", "--force", is_flag=True, help="Run even what has not changed.")
@click.option("-s", "--single", is_flag=True, help="The targets alone, not what they need.")
@click.option(
    "-k", "--keep-going", is_flag=True, help="After a failure, run what does not need it."
)
@click.option("--affected", metavar="BASE", default="", help="Only what changed since a revision.")
@click.option("--isolated", is_flag=True, help="Give each stage nothing but what it declares.")
@click.option("--explain", is_flag=True, help="Say of each stage why, also where nothing is done.")
@click.option("--dry-run", "--dry", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--no-gate", is_flag=True, help="Only run: register and judge no model.")
@click.option("--no-wait", is_flag=True, help="Refuse where another run has this checkout.")
@click.option("-q", "--quiet", is_flag=True, help="Do not show what stages print.")
@json_option
@click.pass_obj
def command(
    folder: Path,
    /,
    explain: bool,
    dry_run: bool,
    no_gate: bool,
    no_wait: bool,
    quiet: bool,
    as_json: bool,
    **how: object,
) -> int:
    """Bring the pipeline up to date, and record the run.

    TARGETS are stages or outputs; what they need runs too. What has not changed is left alone;
    what was computed before, here or by a colleague, is fetched.
    """
    from trueup.project.options import RunOptions

    options = RunOptions(wait=not no_wait, **how)  # type: ignore[arg-type] # click's own names
    with opened(folder) as workspace:
        if dry_run:
            _show_plan(workspace, options, as_json=as_json)
            return 0
        how_shown = {"explain": explain, "quiet": quiet, "as_json": as_json}
        return _run(workspace, options, gated=not no_gate, **how_shown)


def _show_plan(workspace: "Workspace", options: "RunOptions", *, as_json: bool) -> None:
    from trueup.errors import WrongUsage
    from trueup.project.running import status

    if options.sets:
        raise WrongUsage(
            "--dry-run changes nothing, and --set would change a parameter file",
            remedy="Leave one of the two out.",
        )
    steps = status(workspace, options)
    if as_json:
        print_json({"stages": [as_object(step) for step in steps]})
    else:
        print(as_text(steps))


def _run(
    workspace: "Workspace",
    options: "RunOptions",
    *,
    gated: bool,
    explain: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    from trueup.cli.progress import Lines
    from trueup.project.running import run

    result = run(workspace, options, Lines(sys.stderr, explain=explain, quiet=quiet))
    if not as_json:
        _show(result)
    for failure in result.failures:
        _tell_failure(result, failure.stage)
    delivered, code = _deliver(workspace, result, as_json=as_json) if gated else ([], 0)
    if as_json:
        print_json(_as_object(result) | {"models": delivered})
    if result.interrupted:
        say("interrupted; what was finished is kept, the next run goes on from there")
        return INTERRUPTED
    return _STAGE_FAILED if result.failures else code


def _deliver(
    workspace: "Workspace", result: "RunResult", *, as_json: bool
) -> "tuple[list[Delivered | dict[str, str]], int]":
    """Register, judge and promote the models that the run has brought up to date.

    One that cannot be judged keeps no other from it.
    """
    if not workspace.project.models:
        return [], 0
    from trueup.cli import tell
    from trueup.cli.gate import EXIT_CODES
    from trueup.delivery.telling import sentences
    from trueup.errors import TrueupError
    from trueup.project.gating import deliver_model, models_made

    delivered: list[Delivered | dict[str, str]] = []
    code = 0
    for model in models_made(workspace, result):
        try:
            done = deliver_model(workspace, model)
        except TrueupError as error:
            named = f"{workspace.project.name}/{model}"
            code = max(code, tell(error))
            say(f"  so {named} was not judged")
            delivered.append({"model": named, "problem": error.problem, "remedy": error.remedy})
            continue
        delivered.append(done)
        code = max(code, EXIT_CODES[done.ending])
        for sentence in () if as_json else sentences(done):
            print(sentence)
    return delivered, code


def _as_object(result: "RunResult") -> dict[str, object]:
    return {
        "run": result.run,
        "seconds": result.seconds,
        "stages": [
            {
                "name": stage.stage,
                "outcome": stage.outcome,
                "seconds": stage.seconds,
                "key": stage.key,
                "exit_code": stage.exit_code,
                "error": stage.error,
                "outs": stage.outs,
                "reasons": [reason_object(reason) for reason in stage.reasons],
            }
            for stage in result.stages
        ],
        "metrics": result.metrics,
    }


def _show(result: "RunResult") -> None:
    if not result.stages:
        print("nothing to do: no stage is affected")
        return
    counts: dict[str, int] = {}
    for stage in result.stages:
        counts[stage.outcome] = counts.get(stage.outcome, 0) + 1
    if counts.keys() == {"unchanged"}:
        total = counts["unchanged"]
        print(f"nothing changed: all {total} stages are as trueup.lock says")
        return
    said = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in counts.items())
    print(f"run {result.run}: {said} in {result.seconds:.1f} s")
    for file, values in result.metrics.items():
        shown = (f"{name} {_number(value)}" for name, value in list(values.items())[:12])
        print(f"  {file}: {', '.join(shown)}")


def _tell_failure(result: "RunResult", name: str) -> None:
    failure = next(stage for stage in result.stages if stage.stage == name)
    say(f"error: {failure.error}")
    if failure.exit_code is not None:
        say(f"  Its output is above, and kept: trueup runs show {result.run} --log {name}")


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
