"""Why a stage runs, is fetched, or is left alone: values that every renderer shows alike."""

from typing import Any, Literal

import msgspec

from trueup.pipeline.inputs import Inputs, Locked

Kind = Literal[
    "unchanged",
    "frozen",
    "cached",
    "first_run",
    "forced",
    "always_changed",
    "command_changed",
    "folder_changed",
    "dependency_changed",
    "dependency_added",
    "dependency_removed",
    "parameter_changed",
    "parameter_added",
    "parameter_removed",
    "variable_changed",
    "environment_changed",
    "outputs_declared",
    "output_missing",
    "output_modified",
    "no_declarations",
    "upstream",
    "not_known_yet",
    "upstream_failed",
    "not_kept",
]

_SENTENCES: dict[str, str] = {
    "unchanged": "nothing it depends on has changed",
    "frozen": "it is frozen",
    "cached": "the same inputs were computed before, in {what}",
    "first_run": "it has never run here",
    "forced": "it was asked for with --force",
    "always_changed": "it is declared always_changed",
    "command_changed": "its command changed",
    "folder_changed": "its working folder changed from {before} to {after}",
    "dependency_changed": "dependency {what} changed",
    "dependency_added": "dependency {what} is new",
    "dependency_removed": "dependency {what} is no longer declared",
    "parameter_changed": "parameter {what} changed from {before} to {after}",
    "parameter_added": "parameter {what} is new",
    "parameter_removed": "parameter {what} is no longer declared",
    "variable_changed": "environment variable {what} changed",
    "environment_changed": "{what} changed from {before} to {after}",
    "outputs_declared": "its declared outputs changed",
    "output_missing": "output {what} is missing",
    "output_modified": "output {what} was changed by hand",
    "no_declarations": "it declares neither dependencies nor outputs",
    "not_known_yet": "what it reads is still to be fetched, so it may turn out unchanged",
    "upstream": "it follows {what}, which runs",
    "upstream_failed": "it follows {what}, which failed",
    "not_kept": "output {what} is kept neither here nor in the bucket",
}


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One cause, as data; ``text`` is its sentence."""

    kind: Kind
    what: str = ""
    before: Any = None
    after: Any = None

    @property
    def text(self) -> str:
        """Return the reason as the rest of a sentence that begins with the stage's name."""
        return _SENTENCES[self.kind].format(
            what=self.what, before=_shown(self.before), after=_shown(self.after)
        )


def differences(locked: Locked | None, now: Inputs) -> tuple[Reason, ...]:
    """Return every way in which the inputs differ from those of the last result; none: equal."""
    if locked is None:
        return (Reason("first_run"),)
    was = locked.inputs
    found: list[Reason] = []
    if was.cmd != now.cmd:
        found.append(Reason("command_changed", before=list(was.cmd), after=list(now.cmd)))
    if was.wdir != now.wdir:
        found.append(Reason("folder_changed", before=was.wdir, after=now.wdir))
    found += _dependencies(was.deps, now.deps)
    found += _parameters(was.params, now.params)
    for name in sorted(was.env.keys() | now.env.keys()):
        if was.env.get(name) != now.env.get(name):
            found.append(Reason("variable_changed", name))
    for name in sorted(was.environment.keys() | now.environment.keys()):
        before, after = was.environment.get(name), now.environment.get(name)
        if before != after:
            found.append(Reason("environment_changed", name, before, after))
    if was.outs != now.outs:
        found.append(Reason("outputs_declared", before=list(was.outs), after=list(now.outs)))
    return tuple(found)


def _dependencies(was: dict[str, str], now: dict[str, str]) -> list[Reason]:
    found = [
        Reason("dependency_changed", name, was[name], now[name])
        for name in sorted(was.keys() & now.keys())
        if was[name] != now[name]
    ]
    found += [Reason("dependency_added", name) for name in sorted(now.keys() - was.keys())]
    found += [Reason("dependency_removed", name) for name in sorted(was.keys() - now.keys())]
    return found


def _parameters(was: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> list[Reason]:
    before, after = _named(was), _named(now)
    found = [
        Reason("parameter_changed", name, before[name], after[name])
        for name in sorted(before.keys() & after.keys())
        if _as_keyed(before[name]) != _as_keyed(after[name])
    ]
    found += [Reason("parameter_added", name) for name in sorted(after.keys() - before.keys())]
    found += [Reason("parameter_removed", name) for name in sorted(before.keys() - after.keys())]
    return found


def _as_keyed(value: Any) -> bytes:
    """Return a value as the key sees it: 1, 1.0 and true are three."""
    return msgspec.json.encode(value, order="sorted")


def _named(params: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return leaf values by name; ``file:key`` where the file is not the usual one."""
    named: dict[str, Any] = {}
    for file, keys in params.items():
        prefix = "" if file == "params.yaml" else f"{file}:"
        for key, value in keys.items():
            _leaves(prefix + key, value, named)
    return named


def _leaves(name: str, value: Any, into: dict[str, Any]) -> None:
    if isinstance(value, dict) and value and not any(str(key).startswith("$") for key in value):
        for key, item in value.items():
            _leaves(f"{name}.{key}", item, into)
    else:
        into[name] = value


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value).decode() if not isinstance(value, str) else value
    return text if len(text) <= 60 else text[:57] + "..."
