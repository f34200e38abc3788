"""The workflows that GitHub runs: check on pushes and requests, loop and heartbeat on schedule.

Identities are OIDC roles that repository variables name; no key is kept anywhere. A pull request
gets the role that may write its own scope alone, and a fork's nothing at all.
"""

from trueup.ci.workflows.actions import pinned
from trueup.ci.workflows.facts import Facts, checked, minute_of
from trueup.ci.workflows.github_release import RELEASE, release, started_by_check
from trueup.ci.workflows.github_steps import (
    IS_FORK,
    IS_REQUEST,
    checkout,
    identity,
    install,
    quoted,
    secrets,
    software,
)

CHECK = ".github/workflows/trueup-check.yml"
LOOP, HEARTBEAT = ".github/workflows/trueup-loop.yml", ".github/workflows/trueup-heartbeat.yml"
_SCOPE = f"${{{{ {IS_REQUEST} && format('pr/{{0}}', github.event.number) || 'trusted' }}}}"
_WITH_A_COMMENT = (
    f"${{{{ always() && {IS_REQUEST} && !{IS_FORK} && needs.check.result != 'skipped' }}}}"
)
_OF_THE_JOB = """
          GITHUB_TOKEN: ${{ github.token }}
          # with an App's, the checks of the pull request run; see docs/reference/forges.md
          TRUEUP_GITHUB_APP_ID: ${{ vars.TRUEUP_GITHUB_APP_ID }}
          TRUEUP_GITHUB_APP_KEY: ${{ secrets.TRUEUP_GITHUB_APP_KEY }}"""


def workflows(facts: Facts) -> dict[str, str]:
    """Return each workflow's text by its path; WrongUsage for names that cannot stand in one."""
    checked(facts)
    found = {CHECK: _check(facts)}
    if any(one.loops for one in facts.projects):
        found[LOOP] = _loop(facts)
        found[HEARTBEAT] = _heartbeat(facts)
    if any(one.goes_on for one in facts.projects):
        found[RELEASE] = release(facts)
    return found


def _check(facts: Facts) -> str:
    several = len(facts.projects) > 1
    parts = [_CHECK_HEAD.format(branch=facts.branch)]
    if several:
        parts.append(_AFFECTED.format(checkout=checkout(), install=install(facts)))
    parts.append(
        _CHECK_JOB.format(
            needs=_MATRIX if several else "",
            name="${{ matrix.folder }}" if several else facts.projects[0].name,
            runner=facts.runner,
            checkout=checkout(),
            install=install(facts),
            identity=identity(facts, "TRUEUP_PULL_REQUEST", "TRUEUP_TRUSTED"),
            software=software(facts),
            scope=_SCOPE,
            env=secrets(facts),
            folder="${{ matrix.folder }}" if several else facts.projects[0].folder,
            fork=IS_FORK,
            upload=pinned("actions/upload-artifact"),
            artifact="trueup-report-${{ strategy.job-index }}" if several else "trueup-report",
        )
    )
    parts.append(
        _COMMENT_JOB.format(
            condition=_WITH_A_COMMENT,
            download=pinned("actions/download-artifact"),
            install=install(facts),
        )
    )
    parts += started_by_check(facts)
    return "\n".join(parts)


def _loop(facts: Facts) -> str:
    models = [(one, model) for one in facts.projects for model in one.loops]
    listed = "\n".join(
        f"          - {{folder: {quoted(one.folder)}, model: {quoted(model)}}}"
        for one, model in models
    )
    writes = any(one.proposes for one in facts.projects)
    return _LOOP_FILE.format(
        minute=minute_of(facts.projects[0].name),
        branch=facts.branch,
        runner=facts.runner,
        models=listed,
        rights=_PROPOSING if writes else "      contents: read",
        checkout=checkout(),
        install=install(facts),
        identity=identity(facts, "TRUEUP_LOOP", "TRUEUP_LOOP"),
        software=software(facts),
        env=secrets(facts),
        token=_OF_THE_JOB if writes else "",
    )


def _heartbeat(facts: Facts) -> str:
    folders = [quoted(one.folder) for one in facts.projects if one.loops]
    return _HEARTBEAT_FILE.format(
        minute=minute_of(f"{facts.projects[0].name} heartbeat"),
        branch=facts.branch,
        runner=facts.runner,
        folders=", ".join(folders),
        checkout=checkout(),
        install=install(facts),
        identity=identity(facts, "TRUEUP_LOOP", "TRUEUP_LOOP"),
    )


_CHECK_HEAD = """\
name: trueup check

on:
  push:
    branches: [{branch}]
  pull_request:

permissions: {{}}

concurrency:
  group: trueup-check-${{{{ github.ref }}}}
  cancel-in-progress: ${{{{ github.event_name == 'pull_request' }}}}

jobs:"""
_AFFECTED = """\
  affected:
    name: which projects
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read
    outputs:
      folders: ${{{{ steps.affected.outputs.folders }}}}
    steps:
{checkout}
{install}
      - id: affected
        env:
          BASE: ${{{{ github.event.pull_request.base.sha || github.event.before }}}}
        run: |
          folders=$(trueup ci affected --base "$BASE")
          echo "folders=$folders" >> "$GITHUB_OUTPUT"
"""
_MATRIX = """
    needs: affected
    if: ${{ needs.affected.outputs.folders != '[]' }}
    strategy:
      fail-fast: false
      matrix:
        folder: ${{ fromJson(needs.affected.outputs.folders) }}"""
_CHECK_JOB = """\
  check:
    name: {name}{needs}
    runs-on: {runner}
    timeout-minutes: 180
    permissions:
      contents: read
      id-token: write # becomes a role of the bucket; there are no keys
    env:
      TRUEUP_SCOPE: {scope}{env}
    steps:
{checkout}
{install}{software}{identity}
      - name: Run, gate and report
        if: ${{{{ !{fork} }}}}
        working-directory: {folder}
        run: trueup ci run --no-comment --report-dir "$RUNNER_TEMP/trueup-report"
      - name: Run, gate and report without the bucket, as this is a fork
        if: ${{{{ {fork} }}}}
        working-directory: {folder}
        run: trueup ci run --without-bucket --report-dir "$RUNNER_TEMP/trueup-report"
      - uses: {upload}
        if: ${{{{ always() }}}}
        with:
          name: {artifact}
          path: ${{{{ runner.temp }}}}/trueup-report
          if-no-files-found: ignore
"""
_COMMENT_JOB = """\
  comment:
    name: comment
    needs: check
    if: {condition}
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      pull-requests: write # this job runs nothing of the pull request
    steps:
      - uses: {download}
        with:
          path: reports
{install}
      - env:
          GITHUB_TOKEN: ${{{{ github.token }}}}
        run: trueup ci comment --report-dir reports
"""
_PROPOSING = """\
      contents: write # pushes the branch of the model's pull request
      pull-requests: write"""
_LOOP_FILE = """\
name: trueup loop

on:
  schedule:
    - cron: "{minute} * * * *" # not on the full hour, when everybody's begin
  repository_dispatch:
    types: [trueup-tick]
  workflow_dispatch:

permissions: {{}}

concurrency:
  group: trueup-loop
  cancel-in-progress: false # a pass is finished; the next one waits

jobs:
  tick:
    name: ${{{{ matrix.model }}}}
    runs-on: {runner}
    timeout-minutes: 360
    strategy:
      fail-fast: false
      max-parallel: 1
      matrix:
        include:
{models}
    permissions:
{rights}
      id-token: write # becomes a role of the bucket; there are no keys
    env:
      TRUEUP_SCOPE: trusted{env}
    steps:
{checkout}
{install}{software}{identity}
      - name: One pass
        working-directory: ${{{{ matrix.folder }}}}
        env:
          MODEL: ${{{{ matrix.model }}}}{token}
        run: trueup tick "$MODEL" --every 1h
"""
_HEARTBEAT_FILE = """\
name: trueup heartbeat

on:
  push:
    branches: [{branch}]
  schedule:
    - cron: "{minute} 5 * * 1" # weekly, within the 60 days that a quiet public repository has
  workflow_dispatch:

permissions: {{}}

concurrency:
  group: trueup-heartbeat
  cancel-in-progress: false

jobs:
  look:
    name: ${{{{ matrix.folder }}}}
    if: ${{{{ github.event_name != 'schedule' }}}} # that would stop with the loop
    runs-on: {runner}
    timeout-minutes: 10
    strategy:
      fail-fast: false
      matrix:
        folder: [{folders}]
    permissions:
      contents: read
      id-token: write # becomes a role of the bucket; there are no keys
    steps:
{checkout}
{install}{identity}
      - name: Has the loop's schedule stopped?
        working-directory: ${{{{ matrix.folder }}}}
        run: trueup loop heartbeat
  keep:
    name: keep the schedules on
    if: ${{{{ github.event_name != 'push' }}}}
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      actions: write # turns workflows on; this job runs nothing of the repository
    steps:
      - env:
          GH_TOKEN: ${{{{ github.token }}}}
          GH_REPO: ${{{{ github.repository }}}}
        run: |
          for workflow in trueup-loop.yml trueup-heartbeat.yml; do
            gh api --method PUT "repos/$GH_REPO/actions/workflows/$workflow/enable"
          done
"""
