"""Actions of GitHub as they are here: each does what the workflow needs of it, and no more.

- ``setup-uv`` puts a ``uv`` first on the path that takes the program under test for
  ``uv tool install "trueup[all]==VERSION"``, and the tests' environment for a project's own; it
  refuses anything else, and leads trueup to the forge that stands in, since act says itself where
  GitHub is.
- ``configure-aws-credentials`` exports the identity that the bucket knows for a role, in the
  place of the exchange of a token that act has none of.
- The artifacts' actions copy folders.

``gh`` writes down what it is asked for. ``actions/checkout`` is act's own: it copies the
repository.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import trueup

_UV = """\
#!/bin/sh
case "$*" in
  'tool install trueup[all]=={version}' | venv | 'pip install -r requirements.txt') ;;
  *) echo "uv $*: not expected" >&2; exit 9 ;;
esac
"""
_GH = """\
#!/bin/sh
echo "gh $*" >> "{log}"
"""
_TRUEUP = """\
#!/bin/sh
GITHUB_SERVER_URL={forge} exec {program} "$@"
"""


def actions(
    folder: Path, program: Path, forge: str, identities: Mapping[str, Mapping[str, str]]
) -> dict[str, Path]:
    """Write each action as a repository, and return where they lie by their names."""
    tools = folder / "tools"
    _program(tools / "uv", _UV.format(version=trueup.__version__))
    _program(tools / "trueup", _TRUEUP.format(forge=forge, program=program))
    _program(tools / "gh", _GH.format(log=folder.parent / "gh.log"))
    for role, env in identities.items():
        lines = "".join(f"{name}={value}\n" for name, value in env.items())
        (folder / f"{role}.env").write_text(lines)
    kept = folder.parent / "artifacts"
    return {
        "astral-sh/setup-uv": _action(
            folder / "uv",
            ("enable-cache", "cache-suffix", "ignore-nothing-to-cache"),
            f'echo "{tools}" >> "$GITHUB_PATH"; echo "{program.parent}" >> "$GITHUB_PATH"\n'
            f'echo "{tools}" >> "$GITHUB_PATH"',
        ),
        "aws-actions/configure-aws-credentials": _action(
            folder / "aws",
            ("role-to-assume", "aws-region"),
            f'cat "{folder}/$ROLE_TO_ASSUME.env" >> "$GITHUB_ENV"',
        ),
        "actions/upload-artifact": _action(
            folder / "up",
            ("name", "path", "if-no-files-found"),
            f'mkdir -p "{kept}"; cp -r "$PATH_OF_IT" "{kept}/$NAME"',
        ),
        "actions/download-artifact": _action(
            folder / "down", ("path",), f'cp -r "{kept}" "$PATH_OF_IT"'
        ),
    }


def _action(folder: Path, inputs: tuple[str, ...], script: str) -> Path:
    folder.mkdir(parents=True)
    env = {_variable(name): f"${{{{ inputs.{name} }}}}" for name in inputs}
    step = {"shell": "sh", "env": env, "run": script}
    body = {
        "name": folder.name,
        "description": "stands in",
        "inputs": {name: {"default": "", "description": name} for name in inputs},
        "runs": {"using": "composite", "steps": [step]},
    }
    (folder / "action.yml").write_text(json.dumps(body))  # JSON is YAML
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "it stands in")):
        subprocess.run(("git", *words), cwd=folder, check=True, capture_output=True)
    return folder


def _variable(name: str) -> str:
    return "PATH_OF_IT" if name == "path" else name.replace("-", "_").upper()


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
