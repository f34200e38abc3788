"""Stages as written become stages by name: ``foreach``, ``matrix`` and ``${...}`` filled in."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import msgspec

from trueup.config.composer import Path
from trueup.config.paths import PathError, check_name, check_written_name
from trueup.config.sections import SectionShape
from trueup.config.shapes import WRONG, Placed, Reading, unknown_key
from trueup.config.stage_entries import ForeachEntry, StageEntry
from trueup.config.templates import (
    Fill,
    Flags,
    FromVars,
    TemplateError,
    filled,
    has_template,
    rendered,
)
from trueup.config.variables import ParameterFiles, Variables

_STAGE, _FOREACH = SectionShape(StageEntry), SectionShape(ForeachEntry)
_UNFILLED = ("vars", "matrix")
MAX_STAGES = 20_000


class Named(msgspec.Struct, frozen=True):
    """One stage with its final name, every ``${...}`` filled in, and where it is written."""

    name: str
    entry: Any  # a StageEntry
    path: Path


class Expansion:
    """Turns the ``stages`` mapping of a document into single stages."""

    def __init__(
        self, document: Placed, reading: Reading, variables: Variables, files: ParameterFiles
    ) -> None:
        self._document, self._reading = document, reading
        self._variables, self._files = variables, files
        self._flags: Flags | None = None

    def stages(self, written: Mapping[Any, Any]) -> Iterator[Named]:
        """Yield every stage that could be read; what could not is noted as a mistake."""
        for count, named in enumerate(self._named(written)):
            if count >= MAX_STAGES:
                problem = f"more than {MAX_STAGES:,} stages"
                self._reading.wrong(named.path, problem, "Generate fewer.", of_key=True)
                return
            yield named

    def _named(self, written: Mapping[Any, Any]) -> Iterator[Named]:
        for name, raw in written.items():
            path: Path = ("stages", name)
            try:
                check_written_name(name)
            except PathError as error:
                self._reading.wrong(path, error.problem, error.remedy, of_key=True)
                continue
            if _FOREACH.fits(raw):
                yield from self._foreach(name, raw, path)
            else:
                yield from self._single(name, raw, path)

    def _shape_read(self, shape: SectionShape, raw: Any, path: Path) -> Any:
        reading = Reading(self._document, templates=True)
        entry = shape.read(raw, path, reading)
        self._reading.mistakes += reading.mistakes
        return entry

    def _single(self, name: str, raw: Any, path: Path) -> Iterator[Named]:
        entry = self._shape_read(_STAGE, raw, path)
        if entry is WRONG:
            return
        if entry.matrix is None:
            yield from self._one(Named(name, entry, path), raw, self._variables)
            return
        for suffix, item in self._combinations(raw["matrix"], path):
            variables = self._variables.with_item({"key": suffix, "item": item})
            yield from self._one(Named(f"{name}@{suffix}", entry, path), raw, variables)

    def _foreach(self, name: str, raw: Any, path: Path) -> Iterator[Named]:
        entry = self._shape_read(_FOREACH, raw, path)
        if entry is WRONG:
            return
        inside = (*path, "do")
        if entry.do.matrix is not None:
            unknown_key(inside, "matrix", ["cmd", "deps", "outs"], self._reading)
            return
        for suffix, item in self._items(raw["foreach"], path):
            variables = self._variables.with_item(item)
            yield from self._one(Named(f"{name}@{suffix}", entry.do, inside), raw["do"], variables)

    def _items(self, raw: Any, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
        path = (*path, "foreach")
        given = self._whole(raw, path)
        if given is WRONG:
            return
        items = given.value if isinstance(given, FromVars) else given
        if isinstance(items, dict):
            for key, value in items.items():
                if isinstance(key, str) or not isinstance(given, FromVars):
                    yield rendered(key), {"item": _value(value), "key": rendered(key)}
        elif isinstance(items, list | tuple):
            marked = [FromVars(one) for one in items] if isinstance(given, FromVars) else items
            nested = any(isinstance(_value(one), list | tuple | dict) for one in marked)
            named = {str(i) if nested else _label(one): one for i, one in enumerate(marked)}
            for key, value in named.items():
                yield key, {"item": _value(value)}
        else:
            self._reading.unexpected(path, "a list or a mapping", items)

    def _combinations(self, raw: Any, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
        path = (*path, "matrix")
        matrix = self._whole(raw, path)
        if matrix is WRONG:
            return
        axes: list[list[tuple[str, str, Any]]] = []
        size = 1
        for key, given in matrix.items():
            values = given.value if isinstance(given, FromVars) else given
            if not isinstance(values, list | tuple):
                self._reading.unexpected((*path, key), "a list", values)
                return
            marked = [FromVars(one) for one in values] if isinstance(given, FromVars) else values
            axes.append(
                [(key, _fragment(key, i, one), _value(one)) for i, one in enumerate(marked)]
            )
            size *= len(values)
        if size > MAX_STAGES:
            problem = f"the matrix has {size:,} combinations"
            self._reading.wrong(path, problem, f"At most {MAX_STAGES:,} stages.")
            return
        combinations = {}
        for chosen in product(*axes):
            suffix = "-".join(fragment for _, fragment, _ in chosen)
            combinations[suffix] = {key: value for key, _, value in chosen}
        yield from combinations.items()

    def _whole(self, raw: Any, path: Path) -> Any:
        try:
            return filled(raw, Fill(self._variables.values, whole=True))
        except TemplateError as error:
            where = (*path, *error.steps)
            return self._reading.wrong(where, error.problem, error.remedy)

    def _one(self, named: Named, raw: dict[str, Any], variables: Variables) -> Iterator[Named]:
        try:
            check_name(named.name)
        except PathError as error:
            self._reading.wrong(named.path, error.problem, error.remedy)
            return
        if not has_template(raw) and not raw.get("vars"):
            yield named
            return
        local = self._local(raw, variables, named.path)
        if local is None:
            return
        resolved = self._resolved(raw, local, named.path)
        entry = WRONG if resolved is None else _STAGE.read(resolved, named.path, self._reading)
        if entry is not WRONG:
            yield Named(named.name, entry, named.path)

    def _local(self, raw: dict[str, Any], variables: Variables, path: Path) -> Variables | None:
        if not raw.get("vars"):
            return variables
        try:
            wdir = str(filled(raw.get("wdir", "."), Fill(variables.values)))
        except TemplateError as error:
            self._reading.wrong((*path, "wdir"), error.problem, error.remedy)
            return None
        for index, item in enumerate(raw["vars"]):
            where = (*path, "vars", index)
            try:
                source = f"vars[{index}] of {path[1]}"
                variables = variables.with_entry(item, source, wdir, self._files)
            except TemplateError as error:
                self._reading.wrong(where, error.problem, error.remedy)
                return None
        return variables

    def _resolved(self, raw: dict[str, Any], local: Variables, path: Path) -> dict[str, Any] | None:
        resolved: dict[str, Any] | None = {}
        for key, value in raw.items():
            if key in _UNFILLED:
                continue
            try:
                fill = Fill(local.values, key=key, flags=self._options())
                done = filled(value, fill)
            except TemplateError as error:
                self._reading.wrong((*path, key, *error.steps), error.problem, error.remedy)
                resolved = None
                continue
            if resolved is not None:
                resolved[key] = _texts(done) if key == "env" else done
        return resolved

    def _options(self) -> Flags:
        if self._flags is None:
            self._flags = self._files.flags()
        return self._flags


def _value(given: Any) -> Any:
    if isinstance(given, FromVars):
        return given.value
    if isinstance(given, dict):
        return {key: _value(one) for key, one in given.items()}
    return [_value(one) for one in given] if isinstance(given, list) else given


def _label(given: Any) -> str:
    # a value that came from ${...} whole is named as Python shows it: True, where a written
    # one is named true; DVC does so, and the names are in people's lock files
    return str(given.value) if isinstance(given, FromVars) else rendered(given)


def _fragment(key: Any, index: int, given: Any) -> str:
    nested = isinstance(_value(given), list | tuple | dict)
    return f"{key}{index}" if nested else _label(given)


def _texts(env: Any) -> Any:
    if not isinstance(env, dict):
        return env
    plain = (bool, float, int)
    return {k: rendered(v) if isinstance(v, plain) else v for k, v in env.items()}
