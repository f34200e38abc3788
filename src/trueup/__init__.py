"""trueup closes the MLOps loop of a Git repository: run, gate, promote, serve, watch, retrain."""

TYPE_CHECKING = False  # type checkers know better; typing costs a script 5 ms to import
if TYPE_CHECKING:
    from trueup.pipeline.tracking.points import log as log
    from trueup.project.capture_client import capture as capture
    from trueup.project.capture_client import captured as captured
    from trueup.project.capture_client import label as label
    from trueup.project.drifting import drift as drift
    from trueup.project.looking import runs as runs
    from trueup.project.model_verbs import acknowledge as acknowledge
    from trueup.project.model_verbs import alias as alias
    from trueup.project.model_verbs import approve as approve
    from trueup.project.model_verbs import convert as convert
    from trueup.project.model_verbs import deprecate as deprecate
    from trueup.project.model_verbs import history as history
    from trueup.project.model_verbs import judge as judge
    from trueup.project.model_verbs import monitor as monitor
    from trueup.project.model_verbs import predict as predict
    from trueup.project.model_verbs import promote as promote
    from trueup.project.model_verbs import register as register
    from trueup.project.model_verbs import reject as reject
    from trueup.project.model_verbs import resolve as resolve
    from trueup.project.model_verbs import rollback as rollback
    from trueup.project.serving_beside import serve as serve
    from trueup.project.verbs import compare as compare
    from trueup.project.verbs import pull as pull
    from trueup.project.verbs import push as push
    from trueup.project.verbs import reproduce as reproduce
    from trueup.project.verbs import run as run
    from trueup.project.verbs import status as status

__version__ = "0.1.0"
_MODEL_VERBS = (
    "acknowledge",
    "alias",
    "approve",
    "convert",
    "deprecate",
    "history",
    "judge",
    "monitor",
    "predict",
    "promote",
    "register",
    "reject",
    "resolve",
    "rollback",
)
_VERBS = ("compare", "pull", "push", "reproduce", "run", "status")


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: a script that only logs loads only that."""
    if name == "log":
        from trueup.pipeline.tracking import points

        points.outside_a_run = _start_script_run
        found: object = points.log
    elif name == "runs":
        from trueup.project import looking

        found = looking.runs
    elif name in ("capture", "captured", "label"):
        from trueup.project import capture_client

        found = getattr(capture_client, name)
    elif name == "drift":
        from trueup.project import drifting

        found = drifting.drift
    elif name == "serve":
        from trueup.project import serving_beside

        found = serving_beside.serve
    elif name in _VERBS:
        from trueup.project import verbs

        found = verbs.VERBS[name]
    elif name in _MODEL_VERBS:
        from trueup.project import model_verbs

        found = model_verbs.VERBS[name]
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def _start_script_run() -> None:
    from trueup.project.scripts import start_script_run

    start_script_run()
