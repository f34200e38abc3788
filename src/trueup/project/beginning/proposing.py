"""Proposes stages from what was found: who writes what another reads."""

import posixpath
import re
import shlex
from collections.abc import Iterable, Sequence

import msgspec

from trueup.project.beginning.findings import Draft, Findings, Listing, Script, StageDraft
from trueup.project.beginning.looking import stem
from trueup.project.beginning.untangling import untangled

STORE = ".trueup/store"
_NOT_OUTPUTS = re.compile(
    r"\.py$|^(\.git|\.trueup|\.dvc)/|^(trueup\.yaml|trueup\.lock|dvc\.yaml|dvc\.lock)$"
)
_STEPS = re.compile(
    r"(prepare|preprocess|process|clean|ingest|download|fetch|load|split|featuri[sz]e|features"
    r"|transform|train|fit|tune|evaluat|score|predict|report|validate|explore|analy[sz])"
)
_METRICS = re.compile(r"(metric|score|result|report|eval)[^/]*\.(json|ya?ml|toml)$", re.IGNORECASE)
_PLOTS = re.compile(
    r"((^|/)(plots|figures|plot|figs?)/[^/]+"
    r"|(^|[/_-])(roc|prc?)([_-][^/]*)?"
    r"|(calib|confusion|curve|history|importance|loss)[^/]*)"
    r"\.(csv|tsv|json|png|svg|jpe?g)$",
    re.IGNORECASE,
)


def propose(findings: Findings, name: str = "", store: str = "") -> Draft:
    """Return the project as it could be written; what was left out is said, with the reason."""
    if findings.pipeline:
        return Draft(
            project=name,
            store=store,
            pipeline=findings.pipeline,
            lock=findings.lock,
            missing=_pointers(findings),
        )
    notes: list[str] = []
    stages: list[StageDraft] = []
    for script in findings.scripts:
        why = _left_out(script)
        if why is None:
            stages.append(_stage(script, findings.listing, {stage.name for stage in stages}))
        elif why:
            notes.append(f"{script.path}: left out, {why}")
    stages, tangles = untangled(_with_made_params(stages, findings.listing), findings.listing)
    wants = [note for note in notes if "needs arguments" in note]
    used = {key: value for key, value in findings.parameters.items() if _used(key, findings)}
    there = findings.listing.has("params.yaml")
    return Draft(
        project=name or project_name(findings),
        store=store or STORE,
        stages=tuple(stages),
        lock=findings.lock,
        params={} if there else used,
        values=used if there else {},
        notes=(*notes, *tangles),
        missing=(*_missing(stages, wants, findings), *_pointers(findings)),
    )


def project_name(findings: Findings) -> str:
    """Return what the project calls itself, else its folder, as a name that is allowed."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", findings.name or findings.folder).strip("-.")
    return f"project-{name}" if name.isdigit() else name or "project"


def _left_out(script: Script) -> str | None:
    """Return why a script is no stage; empty where nobody would have expected one; None if it is.

    A module that only others import touches nothing when it is started.
    """
    touched = script.touched
    expected = bool(_STEPS.search(stem(script.path).lower())) or script.source != "script"
    if script.unreadable:
        return script.unreadable
    if touched.serves:
        return "it serves and does not end" if expected else ""
    if touched.wants and (touched.writes or touched.unknown or expected):
        words = ", ".join(touched.wants[:3])
        return f"it needs arguments that no Makefile or shell script names ({words})"
    if script.source == "entry point" or touched.writes:
        return None
    if expected and (touched.reads or touched.unknown) and script.source == "script":
        return None
    if script.source == "notebook":
        return "it writes no file that could be found in its source"
    return ""


def _stage(script: Script, listing: Listing, taken: set[str]) -> StageDraft:
    touched = script.touched
    writes = [path for path in touched.writes if not _NOT_OUTPUTS.search(path)]
    reads = [path for path in touched.reads if path not in writes]
    notes = [f"writes something whose name could not be read: {at}" for at in touched.unknown]
    notes += [f"reads {url}: add it to deps to watch it" for url in touched.addresses]
    notes += [f"uses {path}, outside the project" for path in touched.outside]
    deps = [script.path, *touched.modules, *reads]
    metrics = [path for path in writes if _METRICS.search(path)]
    plots = [path for path in writes if _PLOTS.search(path) and path not in metrics]
    params = dict(touched.params)
    if script.source == "entry point":
        params.pop("params.yaml", None)
    return StageDraft(
        name=_free_name(script, taken),
        cmd=_command(script, listing),
        wdir="." if script.source == "entry point" else _wdir(script),
        deps=tuple(dict.fromkeys(deps)),
        params=params,
        outs=tuple(path for path in writes if path not in metrics and path not in plots),
        metrics=tuple(metrics),
        plots=tuple(plots),
        in_git=tuple(path for path in writes if path in listing.tracked),
        notes=tuple(notes),
    )


def _with_made_params(stages: Sequence[StageDraft], listing: Listing) -> list[StageDraft]:
    """Return the stages so that a parameter file that is made, or missing, is a dependency."""
    made = {path for stage in stages for path in stage.writes}
    changed = []
    for stage in stages:
        files = [file for file in stage.params if file in made or not listing.has(file)]
        params = {file: keys for file, keys in stage.params.items() if file not in files}
        deps = tuple(dict.fromkeys((*stage.deps, *files)))
        changed.append(msgspec.structs.replace(stage, params=params, deps=deps))
    return changed


def _wdir(script: Script) -> str:
    """Return the folder to start it in; a notebook runs in its own whatever this says."""
    return "." if script.source == "notebook" else script.touched.wdir


def _command(script: Script, listing: Listing) -> str:
    if script.source == "entry point":
        return script.line
    if script.source == "notebook":
        return script.path
    words = list(script.command.words) if script.command else []
    path = posixpath.relpath(script.path, _wdir(script))
    start = [path]
    if script.touched.relative:
        package = script.path.removesuffix(".py")
        if package.startswith("src/") and not listing.has("src/__init__.py"):
            package = package.removeprefix("src/")
        start = ["-m", package.replace("/", ".")]
    launcher = script.command.launcher if script.command else ()
    return shlex.join([*launcher, "python", *start, *words])


def _free_name(script: Script, taken: set[str]) -> str:
    own = script.name or stem(script.path)
    folder = posixpath.basename(posixpath.dirname(script.path))
    if own in ("main", "run", "__main__") and folder and not script.name:
        own = folder
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", own).strip("-") or "stage"
    if name in taken and folder:
        name = f"{folder}-{name}"
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _missing(stages: Sequence[StageDraft], wants: Iterable[str], findings: Findings) -> list[str]:
    made = [path for stage in stages for path in stage.writes]
    found: list[str] = []
    if not stages:
        found.append(
            "No script or notebook here writes a file that could be found in its source;"
            " declare the stages in trueup.yaml, then: trueup run"
        )
    found += [f"{name}, a parameter in MLproject, has no default" for name in findings.unset]
    for stage in stages:
        for path in stage.deps:
            inside = any(path == one or path.startswith(f"{one}/") for one in made)
            holds = any(one.startswith(f"{path}/") for one in made)
            if not (inside or holds or findings.listing.has(path)):
                found.append(
                    f"{path}, which {stage.name} reads, is not there and no stage makes it"
                )
    if found and not stages:
        found += list(wants)[:1]
    return list(dict.fromkeys(found))


def _pointers(findings: Findings) -> tuple[str, ...]:
    if not findings.pointers:
        return ()
    first = findings.pointers[0].removesuffix(".dvc")
    return (f"{first} is kept by DVC and is not here; fetch it with: dvc pull",)


def _used(entry: str, findings: Findings) -> bool:
    return any(script.name == entry for script in findings.scripts)
