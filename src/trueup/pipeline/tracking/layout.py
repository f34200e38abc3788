"""Where in the bucket a run's records lie."""

INDEX = "runs-index"
HEARTBEATS = "heartbeats/runs/"
RUNS = "runs/"

# Capitals are quoted as well: some file systems cannot tell them from small letters.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_@=,+")
_LONGEST = 160  # of a folder's name; file systems allow 255 bytes


def event_key(run: str, number: int) -> str:
    """Return the key of a run's event; numbers begin with 1."""
    return f"{RUNS}{run}/events/{number:010d}.json"


def events_prefix(run: str) -> str:
    """Return the prefix of all events of a run."""
    return f"{RUNS}{run}/events/"


def points_prefix(run: str) -> str:
    """Return the prefix of a run's segments of points."""
    return f"{RUNS}{run}/points/"


def log_prefix(run: str, stage: str) -> str:
    """Return the prefix of the log segments of one stage."""
    return f"{RUNS}{run}/logs/{stage_folder(stage)}/"


def segment_key(prefix: str, number: int) -> str:
    """Return the key of one segment; numbers begin with 1."""
    return f"{prefix}{number:010d}"


def heartbeat_key(run: str) -> str:
    """Return the key of a run's sign of life."""
    return f"{HEARTBEATS}{run}"


def stage_folder(stage: str) -> str:
    """Return a stage's name as one folder's name that is legal everywhere, different for each."""
    quoted = "".join(
        letter if letter in _PLAIN else "".join(f"%{byte:02X}" for byte in letter.encode())
        for letter in stage
    )
    if len(quoted) <= _LONGEST:
        return quoted or "%"
    from blake3 import blake3

    return f"{quoted[: _LONGEST - 33]}~{blake3(stage.encode()).hexdigest()[:32]}"


def is_run_id(name: str) -> bool:
    """Tell whether a name could be a run's whole id, so that the bucket may be asked for it."""
    return 24 <= len(name) <= 60 and name.isascii() and name.replace("-", "").isalnum()
