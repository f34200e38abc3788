"""GitHub's release workflow: what is champion in one environment is promoted into the next.

Each environment of trueup.yaml is one of the repository's, with its reviewers, its waiting time and
its own role; the jobs follow each other in the order of trueup.yaml.
"""

import re

from trueup.ci.workflows.facts import Facts
from trueup.ci.workflows.github_steps import checkout, identity, install, quoted, secrets, software

RELEASE = ".github/workflows/trueup-release.yml"


def release(facts: Facts) -> str:
    """Return the workflow; some project has more than one environment."""
    text, before = [_HEAD.format(models=_models(facts))], ""
    for environment in _ordered(facts):
        job = _job(environment)
        text.append(
            _JOB.format(
                job=job,
                needs=f"\n    needs: {before}" if before else "",
                environment=environment,
                runner=facts.runner,
                env=secrets(facts),
                moves=_moves(facts, environment),
                checkout=checkout(),
                install=install(facts),
                software=software(facts),
                identity=identity(facts, "TRUEUP_RELEASE", "TRUEUP_RELEASE"),
            )
        )
        before = job
    return "\n".join(text)


def started_by_check(facts: Facts) -> list[str]:
    """Return the job of the check that starts the release; none where nothing goes on."""
    return [_START] if any(one.goes_on for one in facts.projects) else []


def _ordered(facts: Facts) -> list[str]:
    """Return the environments that something is promoted into, in order, each once."""
    return list(dict.fromkeys(name for one in facts.projects for name in one.environments[1:]))


def _moves(facts: Facts, environment: str) -> str:
    """Return the matrix of an environment's job: each model, and where it comes from."""
    found = []
    for one in facts.projects:
        for before, name in zip(one.environments, one.environments[1:], strict=False):
            if name == environment:
                found += [
                    f"          - {{folder: {quoted(one.folder)}, model: {quoted(model)},"
                    f" before: {quoted(before)}}}"
                    for model in one.models
                ]
    return "\n".join(found)


def _models(facts: Facts) -> str:
    names = dict.fromkeys(model for one in facts.projects if one.goes_on for model in one.models)
    return "".join(f"\n          - {quoted(name)}" for name in names)


def _job(environment: str) -> str:
    """Return a job's id, which takes fewer signs than an environment's name."""
    return "to-" + re.sub(r"[^A-Za-z0-9_-]", "-", environment)


_HEAD = """\
name: trueup release

on: # by the check too, when a push has passed
  repository_dispatch:
    types: [trueup-release]
  workflow_dispatch:
    inputs:
      model:
        description: What is promoted
        type: choice
        default: all
        options:
          - all{models}

permissions: {{}}

concurrency:
  group: trueup-release
  cancel-in-progress: false # a promotion is finished; the next one waits

jobs:"""
_JOB = """\
  {job}:
    name: "${{{{ matrix.model }}}} to {environment}"{needs}
    runs-on: {runner}
    timeout-minutes: 180
    environment: "{environment}" # its reviewers, and its own role
    strategy:
      fail-fast: false
      max-parallel: 1
      matrix:
        include:
{moves}
    permissions:
      contents: read
      id-token: write # becomes the environment's role; there are no keys
    env:
      TRUEUP_SCOPE: trusted{env}
    steps:
{checkout}
{install}{software}{identity}
      - name: Judge and promote the champion of ${{{{ matrix.before }}}}
        if: ${{{{ !inputs.model || inputs.model == 'all' || inputs.model == matrix.model }}}}
        working-directory: ${{{{ matrix.folder }}}}
        env:
          MODEL: ${{{{ matrix.model }}}}
          BEFORE: ${{{{ matrix.before }}}}
        run: |
          trueup run --no-gate # fetches the rows that a verdict has to be about
          found=$(trueup resolve "$MODEL" --env "$BEFORE")
          version=${{found%%[[:space:]]*}}
          trueup gate "$version" --env "{environment}" # by its own rules, beside its own champion
          trueup promote "$version" --env "{environment}"
"""
_START = """\
  release:
    name: release
    needs: check
    if: ${{ github.event_name == 'push' && needs.check.result == 'success' }}
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      actions: write # starts the release; this job runs nothing of the repository
    steps:
      - env:
          GH_TOKEN: ${{ github.token }}
          GH_REPO: ${{ github.repository }}
          REF: ${{ github.ref_name }}
        run: gh workflow run trueup-release.yml --ref "$REF"
"""
