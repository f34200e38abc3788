"""Stages as written become the records that the pipeline runs, with normal paths and places."""

from typing import Any

from trueup.config.composer import Path
from trueup.config.expand import Named
from trueup.config.mistakes import shown
from trueup.config.paths import PathError, checked_output, is_address, normal, scheme
from trueup.config.records import Dependency, Output, Parameters, Place, Resources, Stage
from trueup.config.shapes import Placed, Reading
from trueup.config.stage_entries import (
    AddressDependency,
    CommandDependency,
    OutputOptions,
    PathOptions,
    PlotOptions,
    SecretValue,
    StageEntry,
)

_PLOT_KEYS = ("x", "y", "x_label", "y_label", "title", "header", "template")
_OPTIONS = {"outs": OutputOptions(), "metrics": OutputOptions(), "plots": PlotOptions()}
_PATH_OPTIONS = PathOptions()
DEFAULT_PARAMS = "params.yaml"


class StageBuilder:
    """Builds stages of one document; ``root`` is the project's absolute path."""

    def __init__(self, document: Placed, reading: Reading, root: str) -> None:
        self._document, self._reading, self._root = document, reading, root

    def stage(self, named: Named) -> Stage | None:
        """Return the stage, None if something in it is a mistake."""
        before = len(self._reading.mistakes)
        entry: StageEntry = named.entry
        path = named.path
        wdir = self._wdir(entry.wdir, path)
        commands = self._commands(entry, path)
        env = {k: str(v) for k, v in entry.env.items() if not isinstance(v, SecretValue)}
        secrets = [k for k, v in entry.env.items() if isinstance(v, SecretValue)]
        notebook = self._notebook(commands, wdir)
        resources = entry.resources
        stage = Stage(
            name=named.name,
            cmd=commands,
            wdir=wdir,
            deps=self._with_notebook(notebook, self._dependencies(entry, path, wdir), path),
            params=self._parameters(entry, path, wdir),
            outs=self._outputs(entry, path, wdir),
            desc=entry.desc,
            meta=_meta(entry.meta),
            frozen=entry.frozen,
            always_changed=entry.always_changed,
            env=env,
            secrets=tuple(dict.fromkeys((*entry.secrets, *secrets))),
            environment=entry.environment,
            timeout_s=entry.timeout,
            retries=entry.retries,
            resources=Resources(resources.cpu, resources.gpu, resources.memory),
            notebook=notebook,
            place=self._document.place(path, of_key=True),
        )
        self._check_self(stage)
        return stage if len(self._reading.mistakes) == before else None

    def _wdir(self, wdir: str, path: Path) -> str:
        try:
            found = normal(wdir, ".", self._root)
        except PathError as error:
            self._reading.wrong((*path, "wdir"), error.problem, error.remedy)
            return "."
        if found.startswith(("/", "..")):
            problem = f"the working folder {shown(wdir)} lies outside the project"
            self._reading.wrong((*path, "wdir"), problem, "Name a folder inside it.")
        return found

    def _commands(self, entry: StageEntry, path: Path) -> tuple[str, ...]:
        commands = (entry.cmd,) if isinstance(entry.cmd, str) else entry.cmd
        if not commands or not all(command.strip() for command in commands):
            self._reading.wrong((*path, "cmd"), "the command is empty", "Write what to run.")
        elif any("\0" in command for command in commands):
            self._reading.wrong((*path, "cmd"), "the command holds a NUL", "Remove it.")
        return commands

    def _notebook(self, commands: tuple[str, ...], wdir: str) -> str:
        one = commands[0].strip() if len(commands) == 1 else ""
        if not one.endswith(".ipynb") or len(one.split()) > 1:
            return ""
        try:
            return normal(one, wdir, self._root)
        except PathError:
            return ""

    def _with_notebook(
        self, notebook: str, deps: tuple[Dependency, ...], path: Path
    ) -> tuple[Dependency, ...]:
        """Make the notebook a dependency like any other, once."""
        if not notebook or any(dep.path == notebook for dep in deps):
            return deps
        return (*deps, Dependency(path=notebook, place=self._document.place((*path, "cmd"))))

    def _path(self, written: str, wdir: str, path: Path, *, of_key: bool = False) -> str:
        try:
            return normal(written, wdir, self._root)
        except PathError as error:
            self._reading.wrong(path, error.problem, error.remedy, of_key=of_key)
            return ""

    def _dependencies(self, entry: StageEntry, path: Path, wdir: str) -> tuple[Dependency, ...]:
        found: dict[str, Dependency] = {}
        for index, item in enumerate(entry.deps):
            where = (*path, "deps", index)
            place = self._document.place(where)
            if isinstance(item, CommandDependency):
                self._add(found, Dependency(cmd=item.cmd, place=place))
            elif isinstance(item, AddressDependency):
                self._add(found, Dependency(url=item.url, place=place))
            elif isinstance(item, str):
                self._dependency(found, item, _PATH_OPTIONS, (where, wdir, place))
            else:
                for one, options in item.items():
                    inside = (*where, one)
                    place = self._document.place(inside, of_key=True)
                    self._dependency(found, one, options, (inside, wdir, place))
        return tuple(found.values())

    def _dependency(
        self,
        found: dict[str, Dependency],
        written: str,
        options: PathOptions,
        at: tuple[Path, str, Place],
    ) -> None:
        where, wdir, place = at
        try:
            if is_address(written):
                self._add(found, Dependency(url=written, place=place))
                return
        except PathError as error:
            self._reading.wrong(where, error.problem, error.remedy)
            return
        path = self._path(written, wdir, where)
        if path:
            self._add(found, Dependency(path=path, external=options.external, place=place))

    @staticmethod
    def _add(found: dict[str, Dependency], dependency: Dependency) -> None:
        found.setdefault(dependency.name, dependency)

    def _parameters(self, entry: StageEntry, path: Path, wdir: str) -> tuple[Parameters, ...]:
        keys: dict[str, list[str]] = {}
        places: dict[str, Place] = {}
        whole: set[str] = set()
        for index, item in enumerate(entry.params):
            where = (*path, "params", index)
            named = {DEFAULT_PARAMS: (item,)} if isinstance(item, str) else item
            for written, wanted in named.items():
                file = self._path(written, wdir, where)
                keys.setdefault(file, []).extend(wanted or ())
                places.setdefault(file, self._document.place(where))
                if not wanted:
                    whole.add(file)
        return tuple(
            Parameters(file, () if file in whole else tuple(dict.fromkeys(wanted)), places[file])
            for file, wanted in keys.items()
        )

    def _outputs(self, entry: StageEntry, path: Path, wdir: str) -> tuple[Output, ...]:
        found: dict[str, Output] = {}
        for key, kind in (("outs", "out"), ("metrics", "metrics"), ("plots", "plots")):
            for index, item in enumerate(getattr(entry, key)):
                where = (*path, key, index)
                named = {item: _OPTIONS[key]} if isinstance(item, str) else item
                for written, options in named.items():
                    at = where if isinstance(item, str) else (*where, written)
                    output = self._output(written, options, (at, wdir, kind))
                    if output is not None:
                        self._keep(found, output, at)
        return tuple(found.values())

    def _keep(self, found: dict[str, Output], output: Output, at: Path) -> None:
        before = found.setdefault(output.path, output)
        if before is not output and _unplaced(before) != _unplaced(output):
            problem = f"the output {shown(output.path)} stands twice in this stage"
            self._reading.wrong(at, problem, "Keep one of them.", of_key=True)

    def _output(self, written: str, options: Any, at: tuple[Path, str, Any]) -> Output | None:
        where, wdir, kind = at
        try:
            if scheme(written):
                problem = f"{shown(written)}: an output cannot be a URL"
                raise PathError(problem, "Write a file; `trueup push` sends it to the bucket.")  # noqa: TRY301 - one place reports them all
            path = checked_output(normal(written, wdir, self._root), external=options.external)
        except PathError as error:
            self._reading.wrong(where, error.problem, error.remedy, of_key=True)
            return None
        plot = {}
        if isinstance(options, PlotOptions):
            default = _OPTIONS["plots"]
            given = {name: getattr(options, name) for name in _PLOT_KEYS}
            plot = {name: value for name, value in given.items() if value != getattr(default, name)}
        return Output(
            path=path,
            kind=kind,
            cache=options.cache,
            persist=options.persist,
            push=options.push,
            external=options.external,
            remote=options.remote,
            desc=options.desc,
            type=options.type,
            labels=options.labels,
            meta=_meta(options.meta),
            plot=plot,
            place=self._document.place(where, of_key=True),
        )

    def _check_self(self, stage: Stage) -> None:
        for dependency in stage.deps:
            for output in stage.outs:
                if dependency.path and overlaps(dependency.path, output.path):
                    problem = f"stage {stage.name!r} reads {shown(dependency.path)} and writes "
                    problem += "it too" if dependency.path == output.path else shown(output.path)
                    self._wrong_at(dependency.place, problem, "A stage cannot read what it writes.")

        for output in stage.outs:
            what = ""
            if _holds(output.path, stage.wdir):
                what = f"its working folder {shown(stage.wdir)}"
            elif any(_holds(output.path, wanted.file) for wanted in stage.params):
                what = "the parameter file that it reads"
            if what:
                problem = f"output {shown(output.path)} of stage {stage.name!r} holds {what}"
                remedy = "Outputs are removed before the stage runs: name one that lies beside it."
                self._wrong_at(output.place, problem, remedy)

    def _wrong_at(self, place: Place | None, problem: str, remedy: str) -> None:
        from trueup.config.mistakes import Mistake

        self._reading.mistakes.append(Mistake(problem, remedy, place))


def _holds(output: str, path: str) -> bool:
    """Say whether a path is an output or lies in it, so that it goes when the output is cleared."""
    return output in (".", path) or path.startswith(f"{output}/")


def overlaps(one: str, other: str) -> bool:
    """Say whether two normal paths are the same, or one lies within the other."""
    if one == other or "." in (one, other):
        return True
    return one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _meta(meta: Any) -> dict[str, Any]:
    if meta is None:
        return {}
    return meta if isinstance(meta, dict) else {"meta": meta}


def _unplaced(output: Output) -> tuple[Any, ...]:
    return tuple(getattr(output, name) for name in Output.__struct_fields__ if name != "place")
