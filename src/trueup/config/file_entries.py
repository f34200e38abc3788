"""The grammar of trueup.yaml, and of dvc.yaml, as a whole."""

from typing import Annotated, Any, Literal

from msgspec import field

from trueup.config.identity_entries import IdentityEntry
from trueup.config.sections import Later, Section
from trueup.config.shapes import MapOf, Text
from trueup.config.stage_entries import ForeachEntry, StageEntry
from trueup.config.units import DURATION

MODELS = MapOf(Later("trueup.config.model_entries", "ModelEntry"))
TARGETS = MapOf(Later("trueup.config.target_entries", "TargetEntry"))
CHANNELS = MapOf(Later("trueup.config.target_entries", "ChannelEntry"))
PROJECT_NAME = Text(r"(?![0-9]+$)[A-Za-z0-9_][A-Za-z0-9_.-]*", "a name such as flights")


class TrackingEntry(Section, frozen=True):
    """Where runs are mirrored."""

    mlflow: Annotated[str, "the URL of an MLflow server"] = ""
    gto: Annotated[bool, "write GTO tags too"] = False


class EnvironmentEntry(Section, frozen=True):
    """What of the software goes into a stage's key."""

    lock: Annotated[str, "the lock file of the environment; found by itself if not given"] = ""
    key: Annotated[
        Literal["exact", "python", "none"],
        "exact: lock, Python, platform; python: lock, Python; none",
    ] = "exact"


class KeepEntry(Section, frozen=True):
    """How long what is not registered is kept."""

    runs: Annotated[float | None, DURATION, "runs, and what only they name"] = None
    captures: Annotated[float | None, DURATION, "served predictions"] = None


class PipelineFile(Section, frozen=True):
    """A dvc.yaml."""

    stages: Annotated[dict[str, ForeachEntry | StageEntry] | None, "the pipeline, by name"] = None
    vars: Annotated[
        tuple[str | dict[str, Any], ...], "values for ${...}: files, file:key, or mappings"
    ] = ()
    params: Annotated[tuple[str, ...], "further parameter files"] = ()
    metrics: Annotated[tuple[str, ...], "files of numbers that no stage writes"] = ()
    plots: Annotated[tuple[str | dict[str, Any], ...], "tables to draw, and how"] = ()
    artifacts: Annotated[dict[str, Any], "DVC's artifacts; kept, not used"] = field(
        default_factory=dict
    )
    datasets: Annotated[Any, "DVC's datasets; kept, not used"] = None


class ProjectFile(PipelineFile, frozen=True):
    """A trueup.yaml."""

    format: Annotated[Literal[1], "the version of this grammar"] = 1
    project: Annotated[str, PROJECT_NAME, "the project's name; the folder's if not given"] = ""
    store: Annotated[str, "the bucket: a folder, s3://, gs:// or az://"] = ".trueup/store"
    tracking: Annotated[TrackingEntry, "where runs are mirrored"] = TrackingEntry()
    environment: Annotated[EnvironmentEntry, "what of the software goes into a stage's key"] = (
        EnvironmentEntry()
    )
    models: Annotated[dict[str, Any], MODELS, "the models, by name"] = field(default_factory=dict)
    environments: Annotated[dict[str, Any], TARGETS, "where versions run, in order"] = field(
        default_factory=dict
    )
    notify: Annotated[dict[str, Any], CHANNELS, "where messages go, by name"] = field(
        default_factory=dict
    )
    identity: Annotated[IdentityEntry, "whose word counts on who approves and promotes"] = (
        IdentityEntry()
    )
    keep: Annotated[KeepEntry, "how long what is not registered is kept"] = KeepEntry()
