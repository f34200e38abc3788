"""The pipeline that GitLab runs: check on merge requests and pushes, loop and its heartbeat.

Identities are roles that jobs get by their identity token; no key is kept anywhere. A merge request
gets the role that may write its own scope alone, and a fork's pipeline, which runs in the fork,
nothing at all. The file is included, so that a project's own jobs stay its own.
"""

from trueup.ci.workflows.facts import Facts, ProjectFacts, checked

JOBS, ROOT = ".gitlab/trueup.yml", ".gitlab-ci.yml"
INCLUDE = f"include: [{{local: {JOBS}}}]"
ROOT_FILE = f"""\
# Written once by trueup ci gitlab; yours to change.
include:
  - local: {JOBS}

workflow: # one pipeline for a change, not two
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS && $CI_PIPELINE_SOURCE == "push"
      when: never
    - if: $CI_COMMIT_BRANCH
"""


def pipeline(facts: Facts) -> dict[str, str]:
    """Return the file's text by its path; WrongUsage for names that cannot stand in one."""
    checked(facts)
    parts = [_head(facts), _check(facts), _COMMENT.format(own=_OWN)]
    if any(one.loops for one in facts.projects):
        parts.append(_loop(facts))
    return {JOBS: "\n".join(parts)}


def _head(facts: Facts) -> str:
    token, role = (_AWS_TOKEN, _AWS_ROLE) if facts.cloud == "aws" else ("", "")
    return _HEAD.format(extras=facts.extras, token=token, role=role)


def _check(facts: Facts) -> str:
    """Return the check: a job a project where there are several, which ends if unaffected."""
    several = len(facts.projects) > 1
    reports = "trueup-report/$FOLDER" if several else "trueup-report"
    # of several jobs each would hide the others' variables
    dotenv = "" if several else f"\n      dotenv: {reports}/outputs.env"
    return _CHECK.format(
        tags=_tags(facts),
        folders=_matrix([_folders(facts.projects)]) if several else "",
        affected=_AFFECTED if several else "",
        folder="$FOLDER" if several else facts.projects[0].folder,
        software=_software(facts.projects),
        reports=reports,
        dotenv=dotenv,
        own=_OWN,
        fork=_FORK,
    )


def _loop(facts: Facts) -> str:
    looped = tuple(one for one in facts.projects if one.loops)
    models = [
        f'FOLDER: "{one.folder}"\n        MODEL: "{model}"' for one in looped for model in one.loops
    ]
    return _LOOP.format(
        tags=_tags(facts),
        ticks=_TICKS,
        models=_matrix(models),
        folders=_matrix([_folders(looped)]),
        software=_software(looped),
    )


def _matrix(entries: list[str]) -> str:
    return "\n  parallel:\n    matrix:" + "".join(f"\n      - {one}" for one in entries)


def _folders(projects: tuple[ProjectFacts, ...]) -> str:
    listed = ", ".join(f'"{one.folder}"' for one in projects)
    return f"FOLDER: [{listed}]"


def _tags(facts: Facts) -> str:
    own = facts.runner != Facts((), "").runner
    return f'\n  tags: ["{facts.runner}"]' if own else ""


def _software(projects: tuple[ProjectFacts, ...]) -> str:
    """Return the lines that make the stages' Python, for what lies in the projects."""
    kinds = sorted({one.software for one in projects if one.software})
    return "".join(f"\n    - {_MADE[kind]}" for kind in kinds)


_REQUEST = '$CI_PIPELINE_SOURCE == "merge_request_event"'
_FROM, _INTO = "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "$CI_MERGE_REQUEST_PROJECT_ID"
_OWN, _FORK = (f"{_REQUEST} && {_FROM} {sign} {_INTO}" for sign in ("==", "!="))
_TICKS = (
    "$TRUEUP_TICK && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
    " && $CI_PIPELINE_SOURCE =~ /^(schedule|trigger|api|web)$/"
)
_ON_PATH = 'export PATH="$PWD/.venv/bin:$PATH"'
_MADE = {
    "uv.lock": f"if [ -f uv.lock ]; then uv sync --locked && {_ON_PATH}; fi",
    "requirements.txt": "if [ -f requirements.txt ]; then uv venv"
    f" && uv pip install -r requirements.txt && {_ON_PATH}; fi",
}
_AWS_TOKEN = """
    TRUEUP_AWS_TOKEN:
      aud: $CI_SERVER_URL"""  # noqa: S105 - the variable that GitLab puts one into
_AWS_ROLE = """
    - | # becomes a role of the bucket; there are no keys
      if [ -n "$TRUEUP_ROLE" ]; then
        AWS_WEB_IDENTITY_TOKEN_FILE=$(mktemp)
        printf %s "$TRUEUP_AWS_TOKEN" > "$AWS_WEB_IDENTITY_TOKEN_FILE"
        export AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN="$TRUEUP_ROLE"
      fi"""
_AFFECTED = """
    - affected=$(trueup ci affected --base "$TRUEUP_BASE")
    - |
      case $affected in
        *"\\"$FOLDER\\""*) ;;
        *) echo "$FOLDER: not affected by this change"; exit 0 ;;
      esac"""
_HEAD = """\
# Written by trueup ci gitlab. Change it as you like: trueup ci gitlab --update keeps your lines.

.trueup:
  image: python:3.12
  stage: test
  needs: []
  variables:
    GIT_DEPTH: "0"
  id_tokens:
    TRUEUP_ID_TOKEN: # who acts, as it is written down
      aud: trueup{token}
  before_script:
    - pip install --quiet uv
    - uv tool install "{extras}"
    - export PATH="$HOME/.local/bin:$PATH"{role}
"""
_CHECK = """\
.trueup-check:
  extends: .trueup
  interruptible: true
  timeout: 3h{tags}{folders}
  script:{affected}
    - report="$PWD/{reports}"
    - cd "{folder}"{software}
    - trueup ci run $TRUEUP_HOW --report-dir "$report"
  artifacts:
    when: always
    expose_as: trueup report
    paths: [{reports}]
    reports:
      junit: {reports}/junit.xml
      codequality: {reports}/code-quality.json
      metrics: {reports}/metrics.txt{dotenv}

trueup-check:
  extends: .trueup-check
  interruptible: false
  variables:
    TRUEUP_SCOPE: trusted
    TRUEUP_ROLE: $TRUEUP_TRUSTED_ROLE
    TRUEUP_BASE: $CI_COMMIT_BEFORE_SHA
    TRUEUP_HOW: ""
  rules:
    - if: $CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH

trueup-check-request:
  extends: .trueup-check
  variables:
    TRUEUP_SCOPE: pr/$CI_MERGE_REQUEST_IID
    TRUEUP_ROLE: $TRUEUP_MERGE_REQUEST_ROLE
    TRUEUP_BASE: $CI_MERGE_REQUEST_DIFF_BASE_SHA
    TRUEUP_HOW: --no-comment
  rules:
    - if: {own}

trueup-check-fork: # no role, no comment: it runs where the fork is
  extends: .trueup-check
  variables:
    TRUEUP_SCOPE: pr/$CI_MERGE_REQUEST_IID
    TRUEUP_ROLE: ""
    TRUEUP_BASE: $CI_MERGE_REQUEST_DIFF_BASE_SHA
    TRUEUP_HOW: --without-bucket
  rules:
    - if: {fork}
"""
_COMMENT = """\
trueup-comment: # runs nothing of the merge request
  extends: .trueup
  timeout: 10m
  needs: [trueup-check-request]
  variables:
    GIT_STRATEGY: none
    TRUEUP_ROLE: ""
  environment: # a variable GITLAB_TOKEN of this scope is given to this job alone
    name: trueup/comment
    action: access
  rules:
    - if: {own}
      when: always
  script:
    - trueup ci comment --report-dir trueup-report
"""
_LOOP = """\
trueup-loop: # one pass a model; make a pipeline schedule of the default branch with TRUEUP_TICK=1
  extends: .trueup
  interruptible: false
  timeout: 6h
  resource_group: trueup-loop{tags}{models}
  variables:
    TRUEUP_SCOPE: trusted
    TRUEUP_ROLE: $TRUEUP_LOOP_ROLE
  rules:
    - if: {ticks}
  script:
    - cd "$FOLDER"{software}
    - trueup tick "$MODEL" --every 1h

trueup-heartbeat: # has the loop's schedule stopped?
  extends: .trueup
  timeout: 10m
  allow_failure: true # it says nothing about this commit{folders}
  variables:
    TRUEUP_SCOPE: trusted
    TRUEUP_ROLE: $TRUEUP_LOOP_ROLE
  rules:
    - if: $CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  script:
    - cd "$FOLDER"
    - trueup loop heartbeat
"""
