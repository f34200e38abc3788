"""Where in the bucket a model's events and verdicts lie."""

from urllib.parse import unquote

from trueup.pipeline.tracking.layout import stage_folder

INDEX = "models-index/"
_CUT = "~"  # in the folder of a name too long to be one; no other folder has it


def log_prefix(model: str) -> str:
    """Return the prefix of a model's log; names are quoted, so that each is legal everywhere.

    >>> log_prefix("flights/flight-late"), log_prefix("flights/Late")
    ('models/flights/flight-late', 'models/flights/%4Cate')
    """
    return f"models/{_folders(model)}"


def index_key(model: str) -> str:
    """Return the key of the mark that a model exists."""
    return f"{INDEX}{_folders(model)}"


def model_of(key: str) -> str | None:
    """Return the model that a mark stands for; None where the mark itself has to be read.

    >>> model_of("models-index/flights/%4Cate")
    'flights/Late'
    """
    folders = key.removeprefix(INDEX)
    return None if _CUT in folders else unquote(folders)


def verdict_key(scope: str, digest: str) -> str:
    """Return the key of a verdict's record."""
    return f"verdicts/{scope}/{digest}.json"


def _folders(model: str) -> str:
    project, _, name = model.partition("/")
    return f"{stage_folder(project)}/{stage_folder(name)}"
