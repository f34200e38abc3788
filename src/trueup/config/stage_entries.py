"""The grammar of stages as written: that of dvc.yaml, and trueup's own keys."""

from typing import Annotated, Any, Literal

from msgspec import field

from trueup.config.sections import Section
from trueup.config.shapes import Amount, Text
from trueup.config.units import DURATION, SIZE

Words = str | tuple[str, ...]
SECRET_NAME = Text(r"[A-Za-z_][A-Za-z0-9_]*", "text that can name an environment variable")


class CommandDependency(Section, frozen=True):
    """A dependency that is a command's answer."""

    marks = ("cmd",)

    cmd: Annotated[str, "a command whose output is the fingerprint, such as a snapshot's id"]


class AddressDependency(Section, frozen=True):
    """A dependency behind a URL."""

    marks = ("url",)

    url: Annotated[str, "a URL whose ETag is the fingerprint"]


class PathOptions(Section, frozen=True):
    """What may be said of a file or folder that is read."""

    external: Annotated[bool, "keep its digest only, never its bytes"] = False


class OutputOptions(Section, frozen=True):
    """What may be said of an output."""

    cache: Annotated[bool, "keep its bytes in the store; false for what Git keeps"] = True
    persist: Annotated[bool, "leave the old output in place while the stage runs"] = False
    push: Annotated[bool, "send it to the bucket with the others"] = True
    remote: Annotated[str, "DVC's name of another remote; kept, not used"] = ""
    external: Annotated[bool, "leave the bytes where they are and keep the digest only"] = False
    desc: Annotated[str, "a description for people"] = ""
    type: Annotated[str, "a free word for its kind, such as model"] = ""
    labels: Annotated[tuple[str, ...], "free words to find it by"] = ()
    meta: Annotated[Any, "anything; kept, not used"] = None


class PlotOptions(OutputOptions, frozen=True):
    """What may be said of an output that is drawn."""

    x: Annotated[str, "the field along the x axis"] = ""
    y: Annotated[str, "the field along the y axis"] = ""
    x_label: Annotated[str, "the label of the x axis"] = ""
    y_label: Annotated[str, "the label of the y axis"] = ""
    title: Annotated[str, "the title"] = ""
    header: Annotated[bool, "whether the first line of a table names its columns"] = True
    template: Annotated[str, "the name or file of a Vega-Lite template"] = ""


class SecretValue(Section, frozen=True):
    """A value that is taken from the caller's environment and never recorded."""

    secret: Annotated[Literal[True], "true: the same as naming it under secrets"]


class ResourceEntry(Section, frozen=True):
    """What a stage occupies while it runs."""

    cpu: Annotated[float, Amount(above=0), "cores"] = 1.0
    gpu: Annotated[int, Amount(whole=True, least=0), "GPUs, given by CUDA_VISIBLE_DEVICES"] = 0
    memory: Annotated[int, SIZE, "memory, such as 8G"] = 0


class StageEntry(Section, frozen=True):
    """One stage."""

    cmd: Annotated[Words, "the command, or a list of commands run in order, or a notebook"]
    wdir: Annotated[str, "the folder the command runs in; the stage's paths are relative to it"] = (
        "."
    )
    deps: Annotated[
        tuple[str | CommandDependency | AddressDependency | dict[str, PathOptions], ...],
        "what it reads: files, folders, the answer of a command, a URL",
    ] = ()
    params: Annotated[
        tuple[str | dict[str, tuple[str, ...] | None], ...],
        "keys of params.yaml, or {file: [keys]}, or {file: null} for a whole file",
    ] = ()
    outs: Annotated[tuple[str | dict[str, OutputOptions], ...], "what it writes"] = ()
    metrics: Annotated[
        tuple[str | dict[str, OutputOptions], ...], "files of numbers that it writes"
    ] = ()
    plots: Annotated[tuple[str | dict[str, PlotOptions], ...], "tables that it draws"] = ()
    desc: Annotated[str, "a description for people"] = ""
    meta: Annotated[Any, "anything; kept, not used"] = None
    frozen: Annotated[bool, "never run it, whatever changed"] = False
    always_changed: Annotated[bool, "run it every time"] = False
    vars: Annotated[
        tuple[str | dict[str, Any], ...], "values for ${...} here: files, file:key, or mappings"
    ] = ()
    matrix: Annotated[
        dict[str, str | tuple[Any, ...]] | None,
        "one stage for each combination; ${item.KEY} is its value",
    ] = None
    env: Annotated[
        dict[str, str | int | SecretValue],
        "environment variables; {secret: true} is never recorded",
    ] = field(default_factory=dict)
    secrets: Annotated[
        tuple[Annotated[str, SECRET_NAME], ...],
        "names of variables that are passed on and never keyed, recorded or printed",
    ] = ()
    environment: Annotated[
        Literal["exact", "python", "none"] | None, "what of the software goes into this stage's key"
    ] = None
    timeout: Annotated[float | None, DURATION, "the longest it may run"] = None
    retries: Annotated[int, Amount(whole=True, least=0), "how often a failure is tried again"] = 0
    resources: Annotated[ResourceEntry, "what it occupies while it runs"] = ResourceEntry()


class ForeachEntry(Section, frozen=True):
    """One stage for each item of a list or mapping."""

    marks = ("foreach", "do")

    foreach: Annotated[
        str | tuple[Any, ...] | dict[Any, Any], "a list, a mapping, or ${...} that is one"
    ]
    do: Annotated[StageEntry, "the stage; ${item} (and ${key} of a mapping) is its value"]
