"""Steps that several of GitHub's workflows have, as text."""

from textwrap import dedent, indent

from trueup.ci.workflows.actions import pinned
from trueup.ci.workflows.facts import Facts

IS_REQUEST = "github.event_name == 'pull_request'"
IS_FORK = (  # also where the fork is gone by now
    f"({IS_REQUEST} && github.event.pull_request.head.repo.full_name != github.repository)"
)


def checkout() -> str:
    """Return the step that fetches the repository with its history, and leaves no credential."""
    given = "fetch-depth: 0\n  persist-credentials: false"
    return _step(f"uses: {pinned('actions/checkout')}\nwith:\n  {given}")


def install(facts: Facts) -> str:
    """Return the steps that install trueup."""
    uv = _step(f"uses: {pinned('astral-sh/setup-uv')}\nwith:\n  enable-cache: false")
    return uv + "\n" + _step(f'run: uv tool install "{facts.extras}"')


def identity(facts: Facts, request: str, trusted: str) -> str:
    """Return the step that becomes somebody for the bucket; nothing where there is no cloud."""
    role = (
        f"${{{{ vars.{trusted}_ROLE }}}}"
        if request == trusted
        else f"${{{{ {IS_REQUEST} && vars.{request}_ROLE || vars.{trusted}_ROLE }}}}"
    )
    unless = "" if request == trusted else f"if: ${{{{ !{IS_FORK} }}}}\n"
    if facts.cloud == "aws":
        action = pinned("aws-actions/configure-aws-credentials")
        given = f"role-to-assume: {role}\n  aws-region: ${{{{ vars.AWS_REGION }}}}"
    elif facts.cloud == "google":
        action = pinned("google-github-actions/auth")
        given = (
            "workload_identity_provider: ${{ vars.TRUEUP_GOOGLE_PROVIDER }}\n"
            f"  service_account: {role}"
        )
    else:
        return ""
    return "\n" + _step(f"{unless}uses: {action}\nwith:\n  {given}")


def software(facts: Facts) -> str:
    """Return the steps that make the stages' Python, for what lies in the projects."""
    several = len(facts.projects) > 1
    kinds = sorted({one.software for one in facts.projects if one.software})
    return "".join("\n" + _step(_made(kind, facts, several=several)) for kind in kinds)


def _made(kind: str, facts: Facts, *, several: bool) -> str:
    folder = "${{ matrix.folder }}" if several else facts.projects[0].folder
    commands = _MADE[kind]
    guard = f"if: ${{{{ hashFiles(format('{{0}}/{kind}', matrix.folder)) != '' }}}}\n"
    return (
        f"{guard if several else ''}working-directory: {folder}\nrun: |\n{indent(commands, '  ')}"
    )


def secrets(facts: Facts) -> str:
    """Return the variables of a job that stages want, from the repository's secrets."""
    named = sorted({name for one in facts.projects for name in one.secrets})
    return "".join(f"\n      {name}: ${{{{ secrets.{name} }}}}" for name in named)


def _step(text: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([f"      - {first}", *(f"        {line}" for line in rest)])


def quoted(text: str) -> str:
    """Return a name in quotes."""
    return f'"{text}"'


_MADE = {
    "uv.lock": dedent("""\
        uv sync --locked
        echo "$PWD/.venv/bin" >> "$GITHUB_PATH\""""),
    "requirements.txt": dedent("""\
        uv venv
        uv pip install -r requirements.txt
        echo "$PWD/.venv/bin" >> "$GITHUB_PATH\""""),
}
