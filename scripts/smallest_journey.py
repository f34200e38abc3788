"""Walk the smallest journey with the trueup of this interpreter: run twice, see nothing change."""

import os
import re
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.metadata import metadata
from pathlib import Path
from pkgutil import walk_packages

import trueup
from trueup.errors import TrueupError

PROJECT = """\
stages:
  hello:
    cmd: echo hello > hello.txt
    outs: [hello.txt]
"""


def of_extras() -> set[str]:
    """Return the names of the packages that only extras bring."""
    wanted = metadata("trueup").get_all("Requires-Dist") or ()
    names = (re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in wanted if "extra" in each)
    return {name.lower().replace("-", "_") for name in names}


def import_everything() -> None:
    """Import each module of the package, so that a missing dependency is seen.

    A module may lack only what an extra that is not here would bring, or say which one that is.
    """
    optional = of_extras()
    # packages are imported below as modules are; what goes wrong is looked at there
    for module in walk_packages(trueup.__path__, "trueup.", onerror=lambda _: None):
        if module.name.endswith("__main__"):
            continue
        try:
            import_module(module.name)
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] not in optional:
                raise
        except TrueupError as error:
            if "trueup[" not in error.remedy:
                raise


def say(arguments: list[str], where: Path) -> str:
    """Run one command there and return what it said on both streams."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        arguments, cwd=where, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def main() -> None:
    """Leave with a message at the first thing that does not hold."""
    import_everything()
    command = [sys.executable, "-m", "trueup"]
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        say(["git", "init", "--quiet"], where)
        (where / "trueup.yaml").write_text(PROJECT)
        say([*command, "--version"], where)
        say([*command, "run"], where)
        first = (where / "hello.txt").stat().st_mtime_ns
        say([*command, "run"], where)
        if (where / "hello.txt").read_text() != "hello\n":
            sys.exit("the stage did not write its output")
        if (where / "hello.txt").stat().st_mtime_ns != first:
            sys.exit("a second run did something although nothing had changed")


if __name__ == "__main__":
    main()
