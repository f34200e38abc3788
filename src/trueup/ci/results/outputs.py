"""What later steps of a workflow read: GITHUB_OUTPUT, and GitLab's dotenv report."""

from collections.abc import Mapping, Sequence

import msgspec
from blake3 import blake3

from trueup.ci.results.result import Result


def outputs(results: Sequence[Result]) -> dict[str, str]:
    """Return the outputs by their names; ``models`` is a JSON list over all projects."""
    last = max(results, key=lambda one: one.exit_code, default=None)
    judged = [
        {"project": result.project, "folder": result.folder, **msgspec.to_builtins(one)}
        for result in results
        for one in result.judged
    ]
    return {
        "result": last.word if last else "nothing",
        "exit-code": str(last.exit_code if last else 0),
        "run": results[0].run if len(results) == 1 else "",
        "models": msgspec.json.encode(judged).decode(),
    }


def render_outputs(named: Mapping[str, str]) -> str:
    r"""Return outputs in the grammar of the file GITHUB_OUTPUT; no value can end itself.

    >>> render_outputs({"result": "pass"})
    'result=pass\n'
    """
    return "".join(_output(name, value) for name, value in named.items())


def render_dotenv(named: Mapping[str, str]) -> str:
    r"""Return outputs as GitLab's dotenv report: one line each, and no value of several lines.

    >>> render_dotenv({"exit-code": "0"})
    'TRUEUP_EXIT_CODE=0\n'
    """
    lines = (
        f"TRUEUP_{name.replace('-', '_').upper()}={value}\n"
        for name, value in named.items()
        if "\n" not in value and "\r" not in value
    )
    return "".join(lines)


def _output(name: str, value: str) -> str:
    if not any(end in value for end in ("\n", "\r", "<<")):
        return f"{name}={value}\n"
    end = f"end-{blake3(value.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"
    return f"{name}<<{end}\n{value}\n{end}\n"
