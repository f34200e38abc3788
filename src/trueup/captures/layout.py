"""Where captures and labels lie in the bucket; a key alone says which times are in it."""

from datetime import UTC, datetime

import msgspec

from trueup.pipeline.tracking.layout import stage_folder

CAPTURES, LABELS = "captures", "labels"
_SUFFIX = ".arrow"


class Segment(msgspec.Struct, frozen=True, order=True):
    """An object that holds rows of one model and version, within one day."""

    first_ms: int
    last_ms: int
    version: int  # of labels 0
    digest: str  # the beginning of the model's
    schema: str  # the same for segments with the same columns
    source: str  # tells segments of the same times from each other
    key: str = ""
    size_bytes: int = 0
    environment: str = ""  # as a key holds it; empty: nobody has said


def short_digest(digest: str) -> str:
    """Return as much of a model's digest as a key holds; a dash would part the key."""
    return digest.replace("-", "")[:16]


def folder_of(environment: str) -> str:
    """Return an environment as a key holds it; of none, nothing."""
    return stage_folder(environment) if environment else ""


def model_folder(model: str) -> str:
    """Return a model's full name as folders.

    >>> model_folder("flights/flight-late")
    'flights/flight-late'
    """
    project, _, name = model.partition("/")
    return f"{stage_folder(project)}/{stage_folder(name)}" if name else stage_folder(project)


def rows_prefix(kind: str, model: str) -> str:
    """Return the prefix of all segments of a model; kind is captures or labels."""
    return f"{kind}/{model_folder(model)}/rows/"


def day_prefix(kind: str, model: str, at_ms: int) -> str:
    """Return the prefix of a day's segments."""
    return f"{rows_prefix(kind, model)}{datetime.fromtimestamp(at_ms / 1000, UTC):%Y%m%d}/"


def log_prefix(model: str) -> str:
    """Return the prefix of the log of what was erased and exported."""
    return f"{CAPTURES}/{model_folder(model)}/log"


def segment_key(kind: str, model: str, segment: Segment) -> str:
    """Return the key that says what a segment holds."""
    where = f"-{segment.environment}" if segment.environment else ""
    return (
        f"{day_prefix(kind, model, segment.first_ms)}{segment.first_ms:013d}-{segment.last_ms:013d}"
        f"-v{segment.version}-{segment.digest}-{segment.schema}-{segment.source}{where}"
        f"{_SUFFIX}"
    )


def segment_of(key: str, size_bytes: int = 0) -> Segment | None:
    """Return what a key says of its segment; None where it names none."""
    name = key.rpartition("/")[2]
    parts = name.removesuffix(_SUFFIX).split("-", 5)
    if not name.endswith(_SUFFIX) or len(parts) != 6 or parts[2][:1] != "v":
        return None
    first, last, version, digest, schema, source = parts
    if not (first.isdigit() and last.isdigit() and version[1:].isdigit()):
        return None
    times, (source, _, where) = (int(first), int(last)), source.partition("-")
    return Segment(*times, int(version[1:]), digest, schema, source, key, size_bytes, where)
