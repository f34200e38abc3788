"""The command ``trueup`` itself: finds a command's file when it is asked for."""

import os
from importlib import import_module
from pathlib import Path

import click

import trueup as package

# command: (module, what it does); no module is imported to show this list
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Look at a project, propose stages, and end with a run that works."),
    "doctor": ("doctor", "Say what is missing for what, with the command that mends it."),
    "run": ("run", "Bring the pipeline up to date, and record the run."),
    "status": ("status", "Say what would run, and why."),
    "dag": ("dag", "Show how the stages follow from each other."),
    "push": ("push", "Upload what the lock names and the bucket lacks."),
    "pull": ("pull", "Fetch what the lock names and this checkout lacks."),
    "reproduce": ("reproduce", "Rebuild a run from its lineage and prove it equal."),
    "lock": ("lock", "Check trueup.lock, or merge two of them."),
    "gc": ("gc", "Remove what nothing refers to any more."),
    "runs": ("runs", "List runs; show one."),
    "compare": ("compare", "Compare runs: metrics, parameters, artifacts, environment."),
    "metrics": ("metrics", "Compare metrics with those of a revision."),
    "params": ("params", "Compare parameters with those of a revision."),
    "gate": ("gate", "Judge candidates: pass, fail or inconclusive, and why."),
    "report": ("report", "Show the last verdict again, or write it as a page or JUnit XML."),
    "register": ("register", "Make a model a version."),
    "models": ("models", "List models; show one's versions."),
    "history": ("history", "Tell what happened to a model, and why."),
    "resolve": ("resolve", "Say which version a name stands for, and its digests."),
    "promote": ("promote", "Make a version the champion, on a passing verdict."),
    "approve": ("approve", "Approve that a version goes to an environment."),
    "reject": ("reject", "Object to a version in an environment."),
    "rollback": ("rollback", "Go back to the champion before."),
    "alias": ("alias", "Give a version a name, such as challenger."),
    "serve": ("serve", "Answer predictions over HTTP."),
    "predict": ("predict", "Score a table, captured as the server's answers are."),
    "captures": ("captures", "Look at what was served; export, import, erase it."),
    "drift": ("drift", "Compare two tables: which columns have moved."),
    "skew": ("skew", "Compare what was served with what the pipeline computes."),
    "monitor": ("monitor", "Check the windows of a model's captures, each once."),
    "acknowledge": ("acknowledge", "Say that somebody has seen an alarm."),
    "tick": ("tick", "Make one pass of a model's loop: observe, decide, act."),
    "watch": ("watch", "Repeat ticks, with a heartbeat and a clean stop."),
    "loop": ("loop", "Explain what a loop does, and why it does nothing."),
    "backtest": ("backtest", "Replay the past through policies, side by side."),
    "ci": ("ci", "Check models where code is pushed; write the workflows for that."),
    "convert": ("convert", "Write a model as ONNX, if that answers as the model does."),
    "deprecate": ("deprecate", "Say that a version is not to be promoted again."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's file."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"trueup.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        from trueup.errors import WrongUsage, did_you_mean

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise WrongUsage(
                f"there is no command {args[0]!r}",
                remedy=f"{did_you_mean(args[0], COMMANDS)}List them with: trueup --help",
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command, once for each project where ``--all`` asks for that."""
        if not ctx.params["every"]:
            return super().invoke(ctx)
        from trueup.cli import tell
        from trueup.cli.printing import say
        from trueup.errors import TrueupError
        from trueup.project.several import projects_around

        words = (list(ctx._protected_args), list(ctx.args))
        code = 0
        for root in projects_around(ctx.params["folder"] or _here()):
            say(f"== {root}")
            ctx.params["folder"] = root
            ctx._protected_args, ctx.args = list(words[0]), list(words[1])
            try:
                with ctx.scope(cleanup=False):
                    answer = super().invoke(ctx)
            except TrueupError as error:
                answer = tell(error)
            code = max(code, answer if isinstance(answer, int) else 0)
        return code


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=None,
    help="Work as if started in this folder.",
)
@click.option("--all", "every", is_flag=True, help="Do it in every project of the repository.")
@click.version_option(package.__version__, prog_name="trueup")
@click.pass_context
def trueup(ctx: click.Context, folder: Path | None, every: bool) -> None:
    """Close the MLOps loop of a Git repository: run, gate, promote, serve, watch, retrain."""
    ctx.obj = folder or _here()


def _here() -> Path:
    """Return the folder as the shell names it, symbolic links kept, where that is true."""
    named = Path(os.environ.get("PWD", "."))
    return named if named.is_dir() and named.samefile(".") else Path.cwd()
