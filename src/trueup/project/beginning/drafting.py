"""The files of a proposal as text: a trueup.yaml to be read, and lines for Git's own files."""

import json
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trueup.project.beginning.findings import Draft, StageDraft
from trueup.project.beginning.scalars import NOT_TEXT, scalar
from trueup.project.beginning.section import models_section

_WIDTH = 96
_COMMAND = re.compile(r"[A-Za-z_./][\w./@=+${}'-]*( [\w./@=+${}'-]+)*")
_HEAD = """\
# What trueup init proposed; it is yours now. See what would run: trueup status
"""
_EXAMPLE = """\
# No stage was found. One looks like this:
# stages:
#   train:
#     cmd: python train.py
#     deps: [train.py, data/train.csv]   # what it reads
#     params: [train]                    # keys of params.yaml
#     outs: [model.skops]                # what it writes
"""


def project_file(draft: Draft) -> str:
    """Return the text of trueup.yaml; of a project with a dvc.yaml, without stages."""
    head = f"# The stages stand in {draft.pipeline}.\n" if draft.pipeline else _HEAD
    lines = [head, "format: 1\n"]
    if draft.project:
        lines.append(f"project: {scalar(draft.project)}\n")
    if draft.store:
        hint = "   # a team shares one: s3://bucket/prefix, gs://, az://"
        local = "://" not in draft.store
        lines.append(f"store: {scalar(draft.store)}{hint if local else ''}\n")
    if draft.lock:
        what = "what of the software counts: exact, python, none"
        lines.append(f"environment: {{lock: {scalar(draft.lock)}, key: exact}}   # {what}\n")
    if draft.values:
        lines.append(f"vars:\n  - {json.dumps(draft.values)}\n")
    if not draft.pipeline:
        lines.append("\n")
        lines += ["stages:\n"] if draft.stages else [_EXAMPLE]
        lines.append("\n".join(_stage(stage) for stage in draft.stages))
    if draft.model is not None:
        lines.append(f"\n{models_section(draft.model)}")
    return "".join(lines)


def parameter_file(params: Mapping[str, Any]) -> str:
    """Return the text of a params.yaml."""
    lines = ["# The parameters that MLproject declares. Try others: trueup run --set KEY=VALUE\n"]
    for name, values in params.items():
        lines.append(f"{scalar(name)}:\n")
        lines += [f"  {scalar(key)}: {_value(value)}\n" for key, value in values.items()]
    return "".join(lines)


def ignore_lines(draft: Draft) -> list[str]:
    """Return the lines of .gitignore: what the store keeps, and trueup's own folder."""
    kept = [
        path
        for stage in draft.stages
        for path in (*stage.outs, *stage.plots)
        if path not in stage.in_git
    ]
    return [".trueup/", *(f"/{_escaped(path)}" for path in dict.fromkeys(kept))]


def _stage(stage: StageDraft) -> str:
    lines = [f"    # {note}" for note in stage.notes]
    plain = _COMMAND.fullmatch(stage.cmd) and not NOT_TEXT.fullmatch(stage.cmd)
    lines.append(f"    cmd: {stage.cmd if plain else scalar(stage.cmd)}")
    if stage.wdir != ".":
        lines.append(f"    wdir: {scalar(stage.wdir)}")
    lines += _listed("deps", [scalar(_from(stage, path)) for path in stage.deps])
    lines += _listed("params", list(_params(stage)))
    for key in ("outs", "metrics", "plots"):
        paths: Sequence[str] = getattr(stage, key)
        lines += _listed(key, [_output(stage, key, path) for path in paths])
    return "\n".join([f"  {scalar(stage.name)}:", *lines, ""])


def _params(stage: StageDraft) -> Iterable[str]:
    for file, keys in stage.params.items():
        if file == posixpath.join(stage.wdir, "params.yaml").removeprefix("./") and keys:
            yield from (scalar(key) for key in keys)
        else:
            inside = f"[{', '.join(map(scalar, keys))}]" if keys else "null"
            yield f"{scalar(_from(stage, file))}: {inside}"


def _output(stage: StageDraft, key: str, path: str) -> str:
    """Return an output; what Git keeps, as metrics are, is not kept twice."""
    name = scalar(_from(stage, path))
    return f"{name}: {{cache: false}}" if key == "metrics" or path in stage.in_git else name


def _listed(key: str, items: Sequence[str]) -> list[str]:
    if not items:
        return []
    line = f"    {key}: [{', '.join(items)}]"
    if len(line) <= _WIDTH and not any(": " in item and item[0] != '"' for item in items):
        return [line]
    return [f"    {key}:", *(f"      - {item}" for item in items)]


def _from(stage: StageDraft, path: str) -> str:
    return path if stage.wdir == "." else posixpath.relpath(path, stage.wdir)


def _value(value: Any) -> str:
    return scalar(value) if isinstance(value, str) else json.dumps(value)


def _escaped(path: str) -> str:
    return re.sub(r"([\\*?\[\]])", r"\\\1", path)
