"""The command line: one file a command; parse, call the project, print."""

import sys
from typing import NoReturn

from trueup.errors import (
    DataBroken,
    NotProven,
    RemoteSilent,
    SomebodyElseFirst,
    StageFailed,
    TrueupError,
)

BUG, USAGE, INTERRUPTED = 1, 2, 130
_CODES: tuple[tuple[type[TrueupError], int], ...] = (
    (StageFailed, 6),
    (SomebodyElseFirst, 7),
    (RemoteSilent, 8),
    (DataBroken, 9),
    (NotProven, 10),
    (TrueupError, USAGE),
)


def exit_code(error: TrueupError) -> int:
    """Return the exit code that an error means; the table is in the reference."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def main() -> NoReturn:
    """Run the command line; every way out has a documented exit code."""
    import signal

    signal.signal(signal.SIGTERM, _as_interrupt)
    from trueup.cli.group import trueup

    try:
        code = trueup.main(standalone_mode=False)
        sys.stdout.flush()
        leave(code if isinstance(code, int) else 0)
    except TrueupError as error:
        leave(tell(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        leave(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        leave(0)
    except Exception as error:  # noqa: BLE001 - the process's edge: a bug of ours gets code 1
        leave(_unforeseen(error))


def tell(error: TrueupError) -> int:
    """Say what went wrong and what to do about it; return the exit code."""
    print(f"error: {error}", file=sys.stderr)
    return exit_code(error)


def leave(code: int) -> NoReturn:
    """End the process."""
    sys.exit(code)


def _unforeseen(error: Exception) -> int:
    import click

    if isinstance(error, click.exceptions.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    import traceback

    traceback.print_exception(error)
    print(
        "error: this is a bug of trueup, not of your project\n"
        "  Please report it with the lines above and: trueup doctor --json",
        file=sys.stderr,
    )
    return BUG


def _as_interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
