"""What is missing for what on this machine and in this project, and what mends it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from trueup.config.records import Project, Stage
from trueup.reporting.blocks import Column, Report, Table, Text

if TYPE_CHECKING:
    from trueup.store.audit import Finding as Broken

OLDEST_PYTHON = (3, 11)

State = Literal["ok", "missing", "absent"]
Installer = Literal["apt-get", "brew", ""]


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at: missing stands in the way of this project, absent does not."""

    subject: str
    state: State
    serves: str  # what it is needed for
    detail: str = ""  # the version or place that was found, or what is wrong
    remedy: str = ""  # a command that mends it


class Machine(msgspec.Struct, frozen=True):
    """What was found on this machine; a value, so that a diagnosis can be tested without one."""

    python: tuple[int, int, int]
    programs: Mapping[str, str]  # name: where it lies, for those that were found
    environment: frozenset[str] = frozenset()  # names of variables that are set and not empty
    repository: bool = True  # the folder belongs to a Git repository
    installer: Installer = ""
    extras: Mapping[str, tuple[str, ...]] = {}  # extra of trueup: its packages that are missing


class _Tool(msgspec.Struct, frozen=True):
    """A program that only some projects need."""

    serves: str
    apt: str
    brew: str
    targets: tuple[str, ...] = ()  # environments.*.target that need it


_TOOLS = {
    "docker": _Tool("building images", "docker.io", "docker", ("compose", "ecs", "sagemaker")),
    "helm": _Tool("deploying charts to Kubernetes", "", "helm", ("kubernetes",)),
    "kubectl": _Tool("deploying to Kubernetes", "", "kubernetes-cli", ("kubernetes",)),
    "chromium": _Tool("looking at pages without a screen", "chromium", "chromium"),
}


# Words that the shell itself understands: a command that begins with one says nothing of programs.
_SHELL = (
    "case",
    *(
        "cd",
        "eval",
        "exec",
        "exit",
        "export",
        "for",
        "if",
        "read",
        "set",
        "shift",
        "source",
        "test",
    ),
    *("time", "trap", "ulimit", "umask", "unset", "until", "wait", "while"),
)


def looked_for(project: Project | None) -> frozenset[str]:
    """Return the names of all programs that a diagnosis of this project asks about."""
    stages = project.stages.values() if project else ()
    return frozenset({"git", "nvidia-smi", *_TOOLS, *(_program(stage) for stage in stages)} - {""})


def diagnose(project: Project | None, machine: Machine) -> tuple[Finding, ...]:
    """Return what the machine has and lacks for this project."""
    found = [_python(machine), _git(machine), _repository(machine)]
    if project is not None:
        found += _of_stages(project, machine)
    found += _tools(project, machine)
    found += _extras(project, machine)
    return in_order(found)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings sorted: what stands in the way first, what nobody asked for last."""
    order: list[State] = ["missing", "ok", "absent"]
    return tuple(sorted(findings, key=lambda finding: order.index(finding.state)))


def blocked(findings: Iterable[Finding]) -> bool:
    """Tell whether anything that this project needs is missing."""
    return any(finding.state == "missing" for finding in findings)


def report(findings: Iterable[Finding], more: Iterable[Table] = ()) -> Report:
    """Return the findings as a table, more tables, and the commands that mend what is missing."""
    findings = tuple(findings)
    columns = (Column("what"), Column("state"), Column("for"), Column("found"))
    rows = tuple((each.subject, each.state, each.serves, each.detail) for each in findings)
    mend = [each for each in findings if each.state == "missing" and each.remedy]
    later = [each for each in findings if each.state == "absent" and each.remedy]
    blocks: list[Table | Text] = [Table(columns, rows), *more]
    for heading, group in (("mend with", mend), ("only if you need it", later)):
        if group:
            pairs = tuple((each.subject, each.remedy) for each in group)
            blocks.append(Table((Column("what"), Column(heading)), pairs))
    if not mend and not blocked(findings):
        blocks.append(Text("Nothing that this project needs is missing."))
    return Report("doctor", tuple(blocks))


def audit_report(broken: "Iterable[Broken]") -> Report:
    """Return what an audit of the bucket found, as a table."""
    rows = tuple((each.kind, each.key, each.problem, each.remedy) for each in broken)
    columns = (Column("what"), Column("where"), Column("problem"), Column("mend with"))
    return Report("bucket", (Table(columns, rows, empty="Nothing is wrong in the bucket."),))


def _python(machine: Machine) -> Finding:
    version = ".".join(map(str, machine.python))
    state: State = "ok" if machine.python[:2] >= OLDEST_PYTHON else "missing"
    remedy = "" if state == "ok" else "install Python 3.11 or newer, then trueup with it"
    return Finding("interpreter", state, "trueup itself", version, remedy)


def _git(machine: Machine) -> Finding:
    serves = "commits in runs, metrics diff, --affected, reproduce"
    if where := machine.programs.get("git"):
        return Finding("git", "ok", serves, where)
    return Finding("git", "missing", serves, "not on PATH", _install(machine, "git", "git"))


def _repository(machine: Machine) -> Finding:
    serves = "tying a run to a commit"
    if machine.repository:
        return Finding("repository", "ok", serves)
    return Finding("repository", "absent", serves, "no Git repository here", "git init")


def _of_stages(project: Project, machine: Machine) -> Iterator[Finding]:
    wanting: dict[str, list[str]] = {}
    for stage in project.stages.values():
        wanting.setdefault(_program(stage), []).append(stage.name)
    for program, stages in wanting.items():
        if program:
            yield _program_of_stages(program, stages, machine)
    for stage in project.stages.values():
        for name in stage.secrets:
            if name not in machine.environment:
                detail = "is not set in the environment"
                remedy = f"export {name}=..."
                yield Finding(name, "missing", f"stage {stage.name}", detail, remedy)
    hungry = [stage.name for stage in project.stages.values() if stage.resources.gpu]
    if hungry and "nvidia-smi" not in machine.programs:
        serves = f"stage {_some(hungry)}"
        yield Finding("gpu", "missing", serves, "nvidia-smi is not on PATH", "run where a GPU is")


def _program_of_stages(program: str, stages: list[str], machine: Machine) -> Finding:
    serves = f"stage {_some(stages)}"
    if where := machine.programs.get(program):
        return Finding(program, "ok", serves, where)
    remedy = f"put {program} on PATH"
    if program == "python":
        remedy = "activate the project's environment: . .venv/bin/activate"
    return Finding(program, "missing", serves, "not on PATH", remedy)


def _tools(project: Project | None, machine: Machine) -> Iterator[Finding]:
    environments = project.environments.values() if project else ()
    targets = {each.target for each in environments}
    for name, tool in _TOOLS.items():
        if where := machine.programs.get(name):
            yield Finding(name, "ok", tool.serves, where)
            continue
        state: State = "missing" if targets.intersection(tool.targets) else "absent"
        remedy = _install(machine, tool.apt, tool.brew) or f"install {name} as its makers say"
        yield Finding(name, state, tool.serves, "not on PATH", remedy)


def _extras(project: Project | None, machine: Machine) -> Iterator[Finding]:
    judged = _judged(project) if project else []
    for extra, missing in machine.extras.items():
        if extra == "all":
            continue  # the others, each told by itself
        needed = bool(judged) and extra == "gate"
        serves = f"judging {_some(judged)}" if needed else f"what the extra {extra} adds"
        if not missing:
            yield Finding(f"trueup[{extra}]", "ok", serves)
            continue
        remedy = f"python -m pip install 'trueup[{extra}]'"
        state: State = "missing" if needed else "absent"
        yield Finding(f"trueup[{extra}]", state, serves, f"lacks {_some(missing)}", remedy)


def _judged(project: Project) -> list[str]:
    """Return the models that rules ask something of, in their own gate or in an environment's."""
    everywhere = any(target.rules for target in project.environments.values())
    return [
        name
        for name, model in project.models.items()
        if model.gate.mode != "off" and (model.gate.rules or everywhere)
    ]


def _install(machine: Machine, apt: str, brew: str) -> str:
    if machine.installer == "apt-get" and apt:
        return f"apt-get install {apt}"
    if machine.installer == "brew" and brew:
        return f"brew install {brew}"
    return ""


def _program(stage: Stage) -> str:
    """Return the first word of a stage's command where it plainly is a program on PATH."""
    if stage.notebook or not stage.cmd:
        return ""
    word, *_ = stage.cmd[0].split(maxsplit=1) or [""]
    plain = word.replace("-", "").replace("_", "").replace(".", "").isalnum()
    return word if plain and word not in _SHELL else ""


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
