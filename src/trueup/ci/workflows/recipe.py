"""A shell script of the same steps, for a runner that no workflow is written for."""

from trueup.ci.workflows.facts import Facts, ProjectFacts, checked

SCRIPT = "trueup-ci.sh"


def recipe(facts: Facts) -> dict[str, str]:
    """Return the script's text by its path; WrongUsage for names that cannot stand in one."""
    checked(facts)
    checks = "".join(f"\n    check {_quoted(one.folder)}" for one in facts.projects)
    ticks = "".join(
        f"\n    tick {_quoted(one.folder)} {_quoted(model)}"
        for one in facts.projects
        for model in one.loops
    )
    none = '\n    echo "No model of this repository has a loop." >&2\n    exit 2'
    text = _SCRIPT.format(
        extras=facts.extras, checks=checks, ticks=ticks or none, made=_software(facts.projects)
    )
    return {SCRIPT: text}


def _software(projects: tuple[ProjectFacts, ...]) -> str:
    """Return the lines that make the stages' Python, for what lies in the projects."""
    kinds = sorted({one.software for one in projects if one.software})
    return "".join(f"\n  {_MADE[kind]}" for kind in kinds)


def _quoted(text: str) -> str:
    return f'"{text}"'


_ON_PATH = 'PATH="$PWD/.venv/bin:$PATH"'
_MADE = {
    "uv.lock": f"if [ -f uv.lock ]; then uv sync --locked || return; {_ON_PATH}; fi",
    "requirements.txt": "if [ -f requirements.txt ]; then uv venv --allow-existing || return;"
    f" uv pip install -r requirements.txt || return; {_ON_PATH}; fi",
}
_SCRIPT = """\
#!/bin/sh
# Written by trueup ci shell. Change it as you like: trueup ci shell --update keeps your lines.
#
#   ./trueup-ci.sh push                     a protected branch: what passes is registered, promoted
#   ./trueup-ci.sh request NUMBER [BASE]    a pull request, by an identity that may write pr/NUMBER
#   ./trueup-ci.sh fork NUMBER [BASE]       one from a stranger: without the bucket
#   ./trueup-ci.sh tick                     one pass of each model's loop; call it every hour
#
# It ends with the gate's code; reports lie in trueup-report. BASE is a revision to compare with.
# The bucket's credentials come from the environment.
set -eu
cd "$(dirname "$0")"
top=$PWD

usage() {{
  sed -n 's/^#   //p' "$0" >&2
  exit 2
}}

case ${{1:-}} in
  push | tick) TRUEUP_SCOPE=trusted how= ;;
  request) TRUEUP_SCOPE=pr/${{2:-}} how=--no-comment ;;
  fork) TRUEUP_SCOPE=pr/${{2:-}} how=--without-bucket ;;
  *) usage ;;
esac
[ "$TRUEUP_SCOPE" != pr/ ] || usage
export TRUEUP_SCOPE
base=${{3:-}}

command -v uv >/dev/null || pip install --quiet uv
uv tool install "{extras}"
PATH="$HOME/.local/bin:$PATH"
export PATH

enter() {{ # goes into a project, and makes its stages' Python
  cd "$top/$1"{made}
}}

check() {{
  report=$top/trueup-report/$1
  (enter "$1" && trueup ci run $how ${{base:+--base "$base"}} --report-dir "$report") || worse $?
}}

tick() {{
  (enter "$1" && trueup tick "$2" --every 1h) || worse $?
}}

worst=0
worse() {{ # the highest code of all is this script's
  [ "$1" -le "$worst" ] || worst=$1
}}

case $1 in
  tick){ticks}
    ;;
  *){checks}
    ;;
esac
exit "$worst"
"""
