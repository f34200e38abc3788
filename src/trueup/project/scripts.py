"""Starts the run of a script that logs points without being a stage."""

import atexit
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType

import trueup
from trueup import clock, git, ids
from trueup.errors import TrueupError
from trueup.pipeline.tracking import points
from trueup.pipeline.tracking.records import EndStatus, RunEnvironment, Started
from trueup.pipeline.tracking.script import ScriptRun
from trueup.pipeline.tracking.writer import RunWriter
from trueup.project.looking import nearest_store
from trueup.project.workspace import prepare_own_folder


def start_script_run() -> None:
    """Make this process a run: recorded now, ended when the interpreter ends.

    It goes to the project's store, or to .trueup/store here where there is no project. An
    exception that ends the script makes the run failed; ``sys.exit(1)`` cannot be told from a
    normal end.
    """
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] not in ("", "-c") else "python"
    _Session(os.environ, Path.cwd(), name)


class _Session:
    """The script's run, tied to the life of the interpreter."""

    def __init__(self, env: MutableMapping[str, str], folder: Path, name: str) -> None:
        store = nearest_store(folder, env)
        root, project = store.root, store.project
        at = clock.now()
        run = ids.run_id(at)
        spool = prepare_own_folder(root) / "live" / run / "script.points"
        spool.parent.mkdir(parents=True)
        self._env, self._process, self._spool = env, os.getpid(), spool
        self._status: EndStatus = "done"
        self._error = ""
        self._run = ScriptRun(RunWriter(store.bucket, run), spool)
        self._run.begin(_started(run, root, project, name))
        env.update(
            {
                points.SPOOL_VARIABLE: str(spool),
                points.RUN_VARIABLE: run,
                points.STAGE_VARIABLE: name,
            }
        )
        self._show_exception, sys.excepthook = sys.excepthook, self._excepthook
        atexit.register(self._end)

    def _excepthook(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self._status = "interrupted" if issubclass(kind, KeyboardInterrupt) else "failed"
        self._error = kind.__name__  # its text may hold what nobody wants to be stored
        self._show_exception(kind, error, trace)

    def _end(self) -> None:
        if os.getpid() != self._process:
            return  # a forked child; the run is its parent's
        for name in (points.SPOOL_VARIABLE, points.RUN_VARIABLE, points.STAGE_VARIABLE):
            self._env.pop(name, None)
        points.forget()
        try:
            self._run.end(self._status, self._error)
        except TrueupError as silent:
            print(f"trueup: the end of the run was not stored: {silent}", file=sys.stderr)
            print(f"  Its points are kept in {self._spool}", file=sys.stderr)
            return
        self._spool.parent.rmdir()


def _started(run: str, root: Path, project: str, name: str) -> Started:
    import getpass
    import platform

    head = git.head(root)
    return Started(
        run,
        clock.now(),
        project=project,
        kind="script",
        commit=head.commit,
        branch=head.branch,
        dirty=head.dirty,
        command=(name,),  # arguments of a script nobody declared may be secrets
        targets=(name,),
        environment=RunEnvironment(
            python=platform.python_version(),
            platform=f"{sys.platform}-{os.uname().machine}",
            host=os.uname().nodename,
            user=getpass.getuser(),
            trueup=trueup.__version__,
        ),
    )
