"""The verb convert: a model's ONNX form, written to a file and kept by its version."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trueup.errors import WrongUsage
from trueup.project.registering import named, names_a_version
from trueup.project.workspace import Workspace

if TYPE_CHECKING:
    from trueup.delivery.subject import Candidate, Subject
    from trueup.models.conversions import Conversion
    from trueup.registry.names import VersionName


class Conversed(msgspec.Struct, frozen=True):
    """What was converted, how it compares, and where its form is."""

    name: str
    record: "Conversion"
    written: str = ""  # empty: it answers otherwise, and no file was written
    versions: tuple[int, ...] = ()  # by which it is kept


def convert(
    workspace: Workspace, name: str, out: Path | None = None, environment: str = ""
) -> Conversed:
    """Convert the model's present file, or the version that the name says.

    A form that answers otherwise is not written; its record says by how much. Where the model is
    a version, the record is kept in the bucket in either case, and a verified form with it.
    """
    from trueup.delivery import converting
    from trueup.project.gating import subject_of

    wanted = named(workspace, name)
    project, _, own = wanted.model.partition("/")
    if project != workspace.project.name:
        raise WrongUsage(
            f"{wanted.model} belongs to another project: its rows are not known here",
            remedy=f"Convert it in the project {project}",
        )
    subject = subject_of(workspace, own, environment)
    known = names_a_version(workspace, name)
    candidate = _version(subject, wanted) if known else _here(workspace, subject)
    form = converting.convert(subject, candidate)
    versions = tuple(
        one.version
        for one in subject.history().versions
        if one.model.digest == candidate.model.digest
    )
    record = converting.keep(subject, form) if versions else form.record
    written = ""
    if not record.refused:
        target = out or workspace.start / f"{own}.onnx"
        _write(target, form.graph)
        written = str(target)
    return Conversed(subject.name, record, written, versions)


def _version(subject: "Subject", wanted: "VersionName") -> "Candidate":
    from trueup.delivery.subject import Candidate

    found = subject.registry.resolve(wanted, subject.environment).version
    return Candidate(found.model, found.code, found)


def _here(workspace: Workspace, subject: "Subject") -> "Candidate":
    from trueup.delivery.subject import Candidate

    found = workspace.scanner.scan(workspace.root / subject.entry.path)
    if found is None:
        raise WrongUsage(
            "there is no model yet", remedy="Make it with: trueup run", place=subject.entry.path
        )
    return Candidate(found)


def _write(target: Path, graph: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(graph)
    except OSError as error:
        raise WrongUsage(
            f"the form cannot be written: {error.strerror or error}",
            remedy="Name another file with --out",
            place=str(target),
        ) from error
