"""Where a repository lies: read from the address of a Git remote, or from the configuration."""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from trueup.errors import WrongUsage
from trueup.git.pushing import without_login

Kind = Literal["github", "gitlab"]
_SCP = re.compile(r"(?:[^@/:\s]+@)?(?P<host>\[[0-9a-fA-F:]+\]|[^@/:\s]{2,}):(?P<path>[^\s]+)")
_SSH_HOSTS = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}


class Place(msgspec.Struct, frozen=True):
    """One repository on one forge."""

    kind: Kind
    web: str  # https://github.com
    project: str  # owner/name, or group/subgroup/name
    api: str  # https://api.github.com
    trusted: bool = False  # the host is a public forge or named by the person: tokens may go there

    @property
    def name(self) -> str:
        """Return how the forge is called in messages."""
        host = urlsplit(self.web).netloc
        return {"github": "GitHub", "gitlab": "GitLab"}[self.kind] + f" ({host})"

    @property
    def git_url(self) -> str:
        """Return the address to push to over HTTPS; it never holds a credential."""
        return f"{self.web}/{self.project}.git"


def place_of(
    remote: str, environment: Mapping[str, str], *, kind: Kind | None = None, web: str = ""
) -> Place:
    """Return where a remote's repository lies on its forge; raises WrongUsage.

    Kind and web say what the address does not: that a host of one's own is GitLab, and under
    which root (``https://host/gitlab``). A token will be sent to web, so that it has to come from
    the person, not from the repository. Without them the variables that CI sets are looked at.
    """
    host, path, found = _split(remote)
    root = (web or found or f"https://{host}").rstrip("/")
    web_host = urlsplit(root).netloc
    under = urlsplit(root).path.strip("/")
    if under and path.startswith(f"{under}/"):
        path = path.removeprefix(f"{under}/")
    known = kind or _kind(urlsplit(root).hostname or "", web_host, environment)
    if known is None:
        raise WrongUsage(
            f"it is not known which forge {web_host} is",
            remedy="Say whether it is github or gitlab, and its address",
        )
    if known == "github" and path.count("/") != 1:
        raise WrongUsage(
            f"{without_login(remote)} is no owner/name", remedy="Look at: git remote -v"
        )
    trusted = bool(web) or _public(urlsplit(root).hostname or "") or _named(web_host, environment)
    return Place(known, root, path, _api(known, root), trusted)


def _split(remote: str) -> tuple[str, str, str]:
    """Return host, path and, if the address is one of HTTP, its root."""
    if "://" in remote:
        parts = urlsplit(remote)
        host, path = parts.hostname or "", parts.path
        if parts.scheme in ("http", "https"):
            port = f":{parts.port}" if parts.port else ""
            shown = f"[{host}]" if ":" in host else host
            return host, _path(path, remote), f"{parts.scheme}://{shown}{port}"
        if parts.scheme != "ssh":
            host = ""
    else:
        matched = _SCP.fullmatch(remote)
        host, path = (matched["host"], matched["path"]) if matched else ("", "")
    if not host:
        raise WrongUsage(
            f"the remote {without_login(remote)} lies on no forge",
            remedy="Point it at GitHub or GitLab: git remote set-url origin URL",
        )
    return (host := _SSH_HOSTS.get(host, host)), _path(path, remote), ""


def _path(path: str, remote: str) -> str:
    clean = path.strip("/").removesuffix(".git").strip("/")
    parts = clean.split("/")
    if len(parts) < 2 or any(part in ("", ".", "..") for part in parts):
        raise WrongUsage(
            f"the remote {without_login(remote)} names no repository",
            remedy="Look at: git remote -v",
        )
    return clean


def _kind(host: str, netloc: str, environment: Mapping[str, str]) -> Kind | None:
    if host == "github.com" or host.endswith(".ghe.com"):
        return "github"
    if host == "gitlab.com":
        return "gitlab"
    if netloc == urlsplit(environment.get("GITHUB_SERVER_URL", "")).netloc:
        return "github"
    if netloc in _gitlab_hosts(environment):
        return "gitlab"
    labels = re.split(r"[.-]", host)
    guesses: list[Kind] = ["github", "gitlab"]
    return next((kind for kind in guesses if kind in labels), None)


def _public(host: str) -> bool:
    return host in ("github.com", "gitlab.com") or host.endswith(".ghe.com")


def _named(netloc: str, environment: Mapping[str, str]) -> bool:
    github = urlsplit(environment.get("GITHUB_SERVER_URL", "")).netloc
    hosts = {github, environment.get("GH_HOST", ""), *_gitlab_hosts(environment)}
    return netloc in hosts - {""}


def _gitlab_hosts(environment: Mapping[str, str]) -> set[str]:
    host = environment.get("GITLAB_HOST", "")
    named = {
        urlsplit(environment.get("CI_SERVER_URL", "")).netloc,
        urlsplit(host).netloc if "://" in host else host,
    }
    return named - {""}


def _api(kind: Kind, root: str) -> str:
    parts = urlsplit(root)
    if kind == "gitlab":
        return f"{root}/api/v4"
    if parts.netloc == "github.com" or parts.netloc.endswith(".ghe.com"):
        return f"https://api.{parts.netloc}"
    return f"{root}/api/v3"
