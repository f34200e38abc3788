"""SARIF 2.1.0 (OASIS): what forges and editors show of findings in files."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

import msgspec

from trueup.ci.results.result import Level, Problem, Result
from trueup.reporting.wording import visible

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: dict[Level, str] = {"error": "error", "warning": "warning", "notice": "note"}


def sarif(results: Sequence[Result]) -> str:
    """Return one run of one tool over all projects; paths are from the repository's root."""
    problems = [(one, result) for result in results for one in result.problems]
    rules = list(dict.fromkeys(one.rule for one, _ in problems))
    driver = {
        "name": "trueup",
        "semanticVersion": version("trueup"),
        "rules": [{"id": rule, "shortDescription": {"text": _about(rule)}} for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "originalUriBaseIds": {"ROOT": {"description": {"text": "The repository's root"}}},
        "results": [_result(one, result, rules.index(one.rule)) for one, result in problems],
        "columnKind": "unicodeCodePoints",
    }
    whole = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(whole), indent=1).decode() + "\n"


def _result(problem: Problem, result: Result, index: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": problem.rule,
        "ruleIndex": index,
        "level": _LEVELS[problem.level],
        "message": {"text": visible(f"{problem.title}: {problem.says}", lines=True)},
        "partialFingerprints": {"trueup/v1": problem.fingerprint},
        "properties": {"project": result.project, "model": problem.model, "slice": problem.slice},
    }
    own = f"{result.folder}/trueup.yaml" if result.folder else "trueup.yaml"
    file, line = (problem.place.file, problem.place.line) if problem.place else (own, 1)
    address = {"uri": quote(file, errors="surrogatepass"), "uriBaseId": "ROOT"}
    where = {"artifactLocation": address, "region": {"startLine": line}}
    found["locations"] = [{"physicalLocation": where}]
    return found


def _about(rule: str) -> str:
    kind, _, name = rule.partition("/")
    said = {
        "gate": "What a candidate must show",
        "stage": "A stage of the pipeline",
        "model": "A model of the project",
        "config": "The project's configuration",
    }.get(kind, kind)
    return f"{said}: {visible(name)}" if name else said
