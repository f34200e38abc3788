"""The whole of a project file, from text to records."""

import re
from pathlib import Path
from typing import Any

import msgspec

from trueup.config.expand import Expansion
from trueup.config.file_entries import PipelineFile, ProjectFile
from trueup.config.identity_entries import issuers_of
from trueup.config.load import FILES, PIPELINE_FILE, PROJECT_FILE
from trueup.config.mistakes import ConfigInvalid, Mistake, shown
from trueup.config.outputs import check_outputs
from trueup.config.paths import PathError, check_name, normal
from trueup.config.records import Environment, Place, Project, Stage
from trueup.config.sections import SectionShape
from trueup.config.shapes import WRONG, Reading
from trueup.config.stages import DEFAULT_PARAMS, StageBuilder
from trueup.config.templates import Fill, TemplateError, filled
from trueup.config.variables import ParameterFiles, Variables
from trueup.config.yaml import Document, parse

FORMAT = 1
_PIPELINE_KEYS = ("stages", "vars", "params", "metrics", "plots", "artifacts", "datasets")


def read_project(root: Path, main: str, *, empty_ok: bool) -> Project:
    """Return the project whose main file is named; see load."""
    document = _document(root, main)
    pipeline = document
    sources = [main]
    if main == PROJECT_FILE:
        sources.append(PIPELINE_FILE)
        if (root / PIPELINE_FILE).is_file():
            other = _document(root, PIPELINE_FILE)
            if other.value.get("stages") and document.value.get("stages"):
                raise _two_pipelines(document, other)
            if not document.value.get("stages"):
                pipeline = other
    elif main in FILES:
        sources.append(PROJECT_FILE)
    return _Loading(root, document, pipeline, sources).project(empty_ok=empty_ok)


def _document(root: Path, name: str) -> Document:
    try:
        content = (root / name).read_bytes()
    except OSError as error:
        why = error.strerror or type(error).__name__
        remedy = "Check the path and the permissions."
        problem = f"the file cannot be read: {why}"
        raise ConfigInvalid([Mistake(problem, remedy, Place(name, 1, 1, "$"))]) from error
    document = parse(content, name)
    if document.value is None:
        document.value = {}
    if not isinstance(document.value, dict):
        problem = f"a mapping is wanted, not {shown(document.value)}"
        raise ConfigInvalid([Mistake(problem, "Begin with: stages:", document.place(()))])
    written = document.value.get("format")
    if name != PIPELINE_FILE and isinstance(written, int) and written > FORMAT:
        problem = f"format {written} is newer than this trueup, which reads {FORMAT}"
        raise ConfigInvalid([Mistake(problem, "Upgrade trueup.", document.place(("format",)))])
    return document


def _two_pipelines(document: Document, other: Document) -> ConfigInvalid:
    problem = f"stages stand in {document.file} and in {other.file}"
    remedy = f"Keep them in one: move those of {other.file}, or remove the section here."
    return ConfigInvalid([Mistake(problem, remedy, document.place(("stages",), of_key=True))])


class _Loading:
    """One reading of a project, from documents to records."""

    def __init__(
        self, root: Path, document: Document, pipeline: Document, sources: list[str]
    ) -> None:
        self._root, self._document, self._pipeline = root, document, pipeline
        self._sources = sources
        self._files = ParameterFiles(root)
        self._mistakes: list[Mistake] = []

    def project(self, *, empty_ok: bool) -> Project:
        entry, tops = self._entries()
        stages = self._stages()
        if self._mistakes:
            raise ConfigInvalid(list(dict.fromkeys(self._mistakes)))
        if not stages and not entry.models and not empty_ok:
            raise self._empty()
        sources = (*self._sources, *self._files.read)
        params = (DEFAULT_PARAMS, *self._paths(tops.params, "params"))
        project = Project(
            root=self._root,
            file=self._document.file,
            name=entry.project or _folder_name(self._root),
            store=entry.store,
            stages=stages,
            environment=Environment(entry.environment.lock, entry.environment.key),
            models=entry.models,
            environments=entry.environments,
            notify=entry.notify,
            identity=issuers_of(entry.identity),
            tracking=_given(entry.tracking),
            keep=_given(entry.keep),
            metrics=self._paths(tops.metrics, "metrics"),
            plots=tuple(self._top(tops.plots, "plots")),
            params=tuple(dict.fromkeys(params)),
            artifacts=self._top(tops.artifacts, "artifacts"),
            datasets=tuple(self._top(tops.datasets or (), "datasets")),
            sources=tuple(dict.fromkeys(sources)),
        )
        if self._mistakes:
            raise ConfigInvalid(list(dict.fromkeys(self._mistakes)))
        return project

    def _entries(self) -> tuple[Any, Any]:
        kind = PipelineFile if self._document.file == PIPELINE_FILE else ProjectFile
        entry = self._section(self._document, kind)
        tops = entry
        if self._pipeline is not self._document:
            tops = self._section(self._pipeline, PipelineFile)
            self._only_once()
        if kind is PipelineFile and entry is not WRONG:
            given = {name: getattr(entry, name) for name in PipelineFile.__struct_fields__}
            entry = ProjectFile(**given)
        if entry is not WRONG:
            self._names(entry.models)
        return entry, tops

    def _section(self, document: Document, kind: type[PipelineFile]) -> Any:
        reading = Reading(document)
        value = {key: one for key, one in document.value.items() if key != "stages"}
        entry = SectionShape(kind).read(value, (), reading)
        self._mistakes += reading.mistakes
        return entry

    def _only_once(self) -> None:
        for key in _PIPELINE_KEYS:
            if self._document.value.get(key):
                place = self._document.place((key,), of_key=True)
                problem = f"{key!r} stands here, but the stages are in {self._pipeline.file}"
                self._mistakes.append(Mistake(problem, "Move it there.", place))

    def _names(self, models: dict[str, Any]) -> None:
        for name, model in models.items():
            if not model.path and not (model.evaluate and model.evaluate.predictions):
                problem = f"the model {shown(name)} has no path, and no predictions either"
                remedy = "Write path: FILE, or evaluate: {predictions: FILE}."
                place = self._document.place(("models", name), of_key=True)
                self._mistakes.append(Mistake(problem, remedy, place))
            if "/" in name or "@" in name or name.isdigit():
                problem = f"a model cannot be called {shown(name)}"
                place = self._document.place(("models", name), of_key=True)
                self._mistakes.append(Mistake(problem, "Use no '/', no '@', and a letter.", place))
            try:
                check_name(name)
            except PathError as error:
                place = self._document.place(("models", name), of_key=True)
                self._mistakes.append(Mistake(error.problem, error.remedy, place))

    def _stages(self) -> dict[str, Stage]:
        written = self._pipeline.value.get("stages") or {}
        reading = Reading(self._pipeline)
        stages: dict[str, Stage] = {}
        if isinstance(written, dict):
            variables = self._variables(written, reading)
            builder = StageBuilder(self._pipeline, reading, self._root.as_posix())
            expansion = Expansion(self._pipeline, reading, variables, self._files)
            for named in expansion.stages(written):
                stage = builder.stage(named)
                if stage is not None:
                    stages[stage.name] = stage
            reading.mistakes += check_outputs(stages)
        else:
            reading.unexpected(("stages",), "a mapping", written)
        self._mistakes += reading.mistakes
        return stages

    def _variables(self, written: Any, reading: Reading) -> Variables:
        variables = Variables()
        if not self._pipeline.templated and not self._pipeline.value.get("vars"):
            return variables
        try:
            variables = variables.with_default(self._files)
        except TemplateError as error:
            reading.wrong(("stages",), error.problem, error.remedy, of_key=True)
        entries = self._pipeline.value.get("vars")
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if not isinstance(entry, str | dict):
                continue  # noted already, as a wrong type
            try:
                variables = variables.with_entry(entry, f"vars[{index}]", ".", self._files)
            except TemplateError as error:
                reading.wrong(("vars", index), error.problem, error.remedy)
        self._top_values = variables.values
        return variables

    def _top(self, value: Any, key: str) -> Any:
        if not self._pipeline.templated:
            return value
        try:
            return filled(value, Fill(self._top_values))
        except TemplateError as error:
            place = self._pipeline.place((key, *error.steps))
            self._mistakes.append(Mistake(error.problem, error.remedy, place))
            return value

    def _paths(self, values: tuple[str, ...], key: str) -> tuple[str, ...]:
        found = []
        for index, value in enumerate(self._top(values, key)):
            try:
                found.append(normal(str(value), ".", self._root.as_posix()))
            except PathError as error:
                place = self._pipeline.place((key, index))
                self._mistakes.append(Mistake(error.problem, error.remedy, place))
        return tuple(found)

    def _empty(self) -> ConfigInvalid:
        remedy = f"Add one under 'stages:' in {self._pipeline.file}, or let `trueup init` propose."
        place = self._pipeline.place(("stages",), of_key=True)
        return ConfigInvalid([Mistake("the pipeline has no stages", remedy, place)])


def _given(section: msgspec.Struct) -> dict[str, Any]:
    values = {name: getattr(section, name) for name in section.__struct_fields__}
    return {name: value for name, value in values.items() if value not in (None, "", False)}


def _folder_name(root: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", root.name).strip("-.") or "project"
    return f"project-{name}" if name.isdigit() else name
