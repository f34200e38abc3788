"""Pushes a commit as a branch, over HTTP with a token that no argument and no address holds."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from trueup.errors import AccessRefused, RemoteSilent, SomebodyElseFirst, TrueupError, WrongUsage
from trueup.git import run_git

TIMEOUT_S = 120.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# The shell of git's own helper reads the variables; neither its text nor a process list has them.
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n"'
    ' "$TRUEUP_PUSH_USER" "$TRUEUP_PUSH_SECRET"; }; f'
)
# what would print the headers of a request, or ask a person
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_TRACE": "0",
    "GIT_TRACE_CURL": "0",
    "GIT_TRACE_PACKET": "0",
    "GIT_CURL_VERBOSE": "0",
    "GIT_TRACE_REDACT": "1",
    "LC_ALL": "C",
}
_REFUSED = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|returned error: 40[134]"
    r"|Permission denied|not found|does not appear to be a git repository"
)


class BranchMoved(SomebodyElseFirst):
    """A branch is not where it was left: somebody has pushed to it, and it was not overwritten."""

    def __init__(self, branch: str, expected: str, found: str) -> None:
        was = f"should be at {expected[:12]}" if expected else "should not be there"
        now = f"is at {found[:12]}" if found else "is gone"
        super().__init__(
            f"the branch {branch} {was} and {now}: somebody else has changed it",
            remedy="Nothing was overwritten. Look at it, then delete it if it may be made anew",
        )
        self.branch, self.expected, self.found = branch, expected, found


class Login(msgspec.Struct, frozen=True):
    """A user and a secret for one server; the secret is never shown."""

    user: str
    secret: str

    def __repr__(self) -> str:
        return f"Login({self.user!r})"


class Target(msgspec.Struct, frozen=True):
    """Where to push to: an address without a credential, or the name of a remote."""

    url: str
    login: Login | None = None  # None: whatever git itself is set up with


def without_login(url: str) -> str:
    """Return a remote's address without the login that it may hold.

    >>> without_login("https://oauth2:secret@gitlab.com/a/b")
    'https://gitlab.com/a/b'
    """
    return re.sub(r"(?<=://)[^/@]*@", "", url)


def tip(root: Path, target: Target, branch: str) -> str:
    """Return the commit that a branch is at on the remote; empty where it does not exist."""
    ref = f"refs/heads/{branch}"
    said = _run(root, ["ls-remote", "--refs", "--", target.url, ref], target)
    return next((line.split()[0] for line in said.splitlines() if line.split()[1:] == [ref]), "")


def push_branch(
    root: Path, target: Target, branch: str, commit: str, *, expected: str = ""
) -> Literal["pushed", "there"]:
    """Make a remote's branch be at a commit, unless somebody else has moved it: BranchMoved.

    Expected is the commit that was pushed there last; a branch that is not there, or no longer,
    is made. One that is at the commit already is left alone, so that a push whose answer was
    lost is found done. No hook runs and no tag goes along.
    """
    if run_git(root, ["check-ref-format", "--branch", branch]).returncode:
        raise WrongUsage(f"{branch!r} is no name of a branch", remedy="See: git check-ref-format")
    found = tip(root, target, branch)
    if found == commit:
        return "there"
    if found not in ("", expected):
        raise BranchMoved(branch, expected, found)
    ref = f"refs/heads/{branch}"
    lease = f"--force-with-lease={ref}:{found}"
    words = ["push", "--porcelain", "--no-verify", "--no-follow-tags", lease]
    try:
        _run(root, [*words, "--", target.url, f"{commit}:{ref}"], target)
    except _Rejected as error:
        now = tip(root, target, branch)
        if now == commit:
            return "there"
        if now != found:
            raise BranchMoved(branch, found, now) from error
        raise
    return "pushed"


class _Rejected(AccessRefused):
    """The remote took the connection and not the branch."""


def _run(root: Path, words: list[str], target: Target) -> str:
    environment = {**_QUIET, **_credential(target)}
    try:
        done = run_git(root, words, environment=environment, timeout_s=TIMEOUT_S)
    except FileNotFoundError as missing:
        raise WrongUsage("git is not installed", remedy="Install it; see git-scm.com") from missing
    except subprocess.TimeoutExpired as error:
        raise _silent(target, f"nothing within {TIMEOUT_S:.0f} s") from error
    if done.returncode:
        printed = (done.stdout + done.stderr).decode("utf-8", "replace")
        raise _failure(target, _masked(printed, target))
    return done.stdout.decode("utf-8", "replace")


def _credential(target: Target) -> Mapping[str, str]:
    """Return the variables that give git the login, for this server and no other.

    What else is set up for it is emptied: a helper of the machine, and the header with which
    actions/checkout would make every push one of the job's own token.
    """
    if target.login is None:
        return {}
    parts = urlsplit(target.url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise WrongUsage(
            f"{parts.hostname} would be sent a token in the clear", remedy="Push to an https:// URL"
        )
    if parts.username or parts.password:
        raise WrongUsage("the address to push to holds a login", remedy="Take it out of the URL")
    server = f"{parts.scheme}://{parts.netloc}"
    options = [
        (f"credential.{server}.helper", ""),
        (f"credential.{server}.helper", _HELPER),
        (f"credential.{server}.useHttpPath", "false"),
        (f"http.{target.url}.extraHeader", ""),
        ("http.lowSpeedLimit", "1"),
        ("http.lowSpeedTime", "60"),
    ]
    given = os.environ.get("GIT_CONFIG_COUNT", "")
    first = int(given) if given.isdecimal() else 0  # behind what the person has set in this way
    numbered = {"GIT_CONFIG_COUNT": str(first + len(options))}
    for number, (key, value) in enumerate(options, first):
        numbered[f"GIT_CONFIG_KEY_{number}"] = key
        numbered[f"GIT_CONFIG_VALUE_{number}"] = value
    login = target.login
    return {**numbered, "TRUEUP_PUSH_USER": login.user, "TRUEUP_PUSH_SECRET": login.secret}


def _failure(target: Target, printed: str) -> TrueupError:
    """Return what git's words mean; they hold neither the login nor more than one line."""
    where = without_login(target.url)
    rejected = re.search(r"^!\t[^\t]*\t(\[[^\n]*)", printed, re.MULTILINE)
    if rejected:
        reason = re.findall(r"^remote: (.*\S)\s*$", printed, re.MULTILINE)
        said = " ".join([rejected[1], *reason])[:300]
        return _Rejected(
            f"{where} did not take the branch: {said}",
            remedy="See whether a rule protects it, and what the token may do: trueup doctor",
        )
    last = next((line for line in reversed(printed.splitlines()) if line.startswith("fatal:")), "")
    if _REFUSED.search(printed):
        return AccessRefused(
            f"{where} refused the push: {last[:300]}",
            remedy="The token may have expired, or may not push there; see: trueup doctor",
        )
    return _silent(target, last[:300] or "nothing that git understood")


def _silent(target: Target, last: str) -> RemoteSilent:
    return RemoteSilent(
        f"{without_login(target.url)} does not answer (last: {last})",
        remedy="Check the network, or try again later",
    )


def _masked(text: str, target: Target) -> str:
    secret = target.login.secret if target.login else ""
    return text.replace(secret, "***") if secret else text
