"""A stand-in for an enterprise server of GitHub, as its published description says."""

from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from json import loads
from pathlib import Path
from typing import Any

from tests.forges.standins.server import PROJECT, Refused, StandIn

ME = "trueup-bot"


class GitHubStandIn(StandIn):
    """Pull requests, issues' comments and labels, statuses, workflow runs, an App."""

    api = "/api/v3"
    description = "github.json"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.pulls: list[dict[str, Any]] = []
        self.closers: dict[int, str] = {}
        self.notes: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.inputs: list[dict[str, str]] = []  # of each workflow that was dispatched
        self.granted: dict[str, str] = {}
        self.grants = 0
        self.me: dict[str, str] | None = {"login": ME, "type": "User"}
        self.headers: dict[str, str] = {}
        self.repo_permissions = {"pull": True, "push": True, "admin": False}
        self.life = timedelta(hours=1)

    def token_of(self, headers: Any) -> str:
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or headers.get("X-GitHub-Api-Version") != "2022-11-28":
            return ""
        if token.count(".") == 2:  # an App's own: who it says it is is looked at, its key is not
            claims = loads(urlsafe_b64decode(token.split(".")[1] + "=="))
            assert claims["exp"] - claims["iat"] <= 600
            return f"app-{claims['iss']}"
        return str(token)

    # what people do

    def close(self, number: int, by: str) -> None:
        self.pulls[number - 1]["state"] = "closed"
        self.closers[number] = by

    def merge_squashed(self, number: int) -> str:
        pull = self.pulls[number - 1]
        landed = self.squash(pull["head"]["ref"])
        pull |= {"state": "closed", "merged_at": _now(), "merge_commit_sha": landed}
        return landed

    def retitle(self, number: int, title: str, body: str, labels: list[str]) -> None:
        self.pulls[number - 1] |= {"title": title, "body": body, "labels": _labels(labels)}

    def shown(self, number: int) -> tuple[str, str, list[str]]:
        pull = self.pulls[number - 1]
        return pull["title"], pull["body"], [label["name"] for label in pull["labels"]]

    def say(self, number: int, who: str, body: str) -> int:
        return int(self._note(number, {"login": who, "type": "User"}, body)["id"])

    def said(self, number: int) -> list[tuple[str, str]]:
        return [(n["user"]["login"], n["body"]) for n in self.notes if n["issue"] == number]

    def open_by_hand(self, branch: str, title: str) -> int:
        return int(self._pull({"head": branch, "base": "main", "title": title})["number"])

    def from_fork(self, branch: str, body: str) -> None:
        pull = self._new({"head": branch, "base": "main", "title": "Look", "body": body}, self.main)
        pull["head"]["repo"] = {"full_name": "mallory/flights"}

    def outcomes(self, commit: str) -> dict[str, str]:
        return {s["context"]: s["state"] for s in self.statuses if s["sha"] == commit}

    def finish(self, number: int, *, well: bool) -> None:
        conclusion = "success" if well else "failure"
        self.runs[number - 1] |= {"status": "completed", "conclusion": conclusion}

    # what programs ask for

    def answer(
        self, method: str, template: str, parts: dict[str, str], query: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        if template.startswith("/repos/") and f"{parts['owner']}/{parts['repo']}" != PROJECT:
            raise Refused(404, {"message": "Not Found"})
        rest = template.removeprefix("/repos/{owner}/{repo}")
        match method, rest:
            case "GET", "/user":
                if self.me is None:
                    raise Refused(403, {"message": "Resource not accessible by integration"})
                return 200, self.me
            case "GET", "/app":
                return 200, {"slug": "trueup-loop", "permissions": {}, "events": []}
            case "POST", "/app/installations/{installation_id}/access_tokens":
                return 201, self._grant()
            case "GET", "/installation":
                return 200, {"id": 77}
            case "GET", "":
                return 200, {"full_name": PROJECT, "permissions": self.repo_permissions}
            case "GET", "/pulls":
                owner, _, branch = query["head"].partition(":")
                assert owner == "acme"
                found = [pull for pull in self.pulls if pull["head"]["ref"] == branch]
                return 200, found[::-1] if query["direction"] == "desc" else found
            case "POST", "/pulls":
                return 201, self._pull(body)
            case "PATCH", "/pulls/{pull_number}":
                return 200, self._change(self._at(parts["pull_number"]), body)
            case "GET", "/issues/{issue_number}":
                closer = self.closers.get(int(parts["issue_number"]))
                by = {"login": closer, "type": "User"} if closer else None
                return 200, {"number": int(parts["issue_number"]), "closed_by": by}
            case "PUT", "/issues/{issue_number}/labels":
                pull = self._at(parts["issue_number"])
                pull["labels"] = _labels(body["labels"])
                return 200, pull["labels"]
            case "GET", "/issues/{issue_number}/comments":
                number = int(parts["issue_number"])
                return 200, [note for note in self.notes if note["issue"] == number]
            case "POST", "/issues/{issue_number}/comments":
                me = self.me or {"login": "github-actions[bot]", "type": "Bot"}
                return 201, self._note(int(parts["issue_number"]), me, body["body"])
            case "PATCH", "/issues/comments/{comment_id}":
                note = self.notes[int(parts["comment_id"]) - 1]
                note["body"] = _bounded(body["body"])
                return 200, note
            case "POST", "/statuses/{sha}":
                self.statuses.append({**body, "sha": parts["sha"]})
                return 201, body
        return self._runs(method, rest, parts, query, body)

    def _runs(
        self, method: str, rest: str, parts: dict[str, str], query: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        match method, rest:
            case "POST", "/actions/workflows/{workflow_id}/dispatches":
                title = f"trueup {body['inputs']['decision']}"
                self.inputs.append(body["inputs"])
                self._run("workflow_dispatch", title, body["ref"], parts["workflow_id"])
                return 204, None
            case "POST", "/dispatches":
                title = f"trueup {body['client_payload']['decision']}"
                self._run("repository_dispatch", title, "main", body["event_type"])
                return 204, None
            case "GET", "/actions/workflows/{workflow_id}/runs":
                found = [run for run in self.runs if run["path"] == parts["workflow_id"]]
            case "GET", "/actions/runs":
                found = self.runs
            case _:
                raise Refused(404, {"message": "Not Found"})
        found = [run for run in found if run["event"] == query["event"]][::-1]
        page, _ = self.paged(found, "", query)
        return 200, {"total_count": len(found), "workflow_runs": page}

    def _grant(self) -> dict[str, Any]:
        self.grants += 1
        token = f"ghs_granted{self.grants}"
        self.tokens = {t for t in self.tokens if not t.startswith("ghs_")} | {token}
        until = (datetime.now(UTC) + self.life).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"token": token, "expires_at": until, "permissions": self.granted}

    def _pull(self, body: dict[str, Any]) -> dict[str, Any]:
        commit = self.tip(body["head"])
        if not commit or not self.tip(body["base"]):
            raise _invalid([{"resource": "PullRequest", "field": "head", "code": "invalid"}])
        same = [p for p in self.pulls if p["head"]["ref"] == body["head"] and p["state"] == "open"]
        same = [p for p in same if p["head"]["repo"]["full_name"] == PROJECT]
        if any(pull["base"]["ref"] == body["base"] for pull in same):
            said = f"A pull request already exists for acme:{body['head']}."
            raise _invalid([{"resource": "PullRequest", "code": "custom", "message": said}])
        return self._new(body, commit)

    def _new(self, body: dict[str, Any], commit: str) -> dict[str, Any]:
        number = len(self.pulls) + 1
        pull = {
            "number": number,
            "html_url": f"{self.url}/{PROJECT}/pull/{number}",
            "state": "open",
            "title": body["title"],
            "body": _bounded(body.get("body") or ""),
            "labels": [],
            "head": {"ref": body["head"], "sha": commit, "repo": {"full_name": PROJECT}},
            "base": {"ref": body["base"], "sha": self.main, "repo": {"full_name": PROJECT}},
            "merged_at": None,
            "merge_commit_sha": "f" * 40,  # what GitHub tried out
            "user": self.me or {"login": "github-actions[bot]", "type": "Bot"},
        }
        self.pulls.append(pull)
        return pull

    def _change(self, pull: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        if "base" in body:
            pull["base"] |= {"ref": body["base"], "sha": self.tip(body["base"])}
        if "body" in body:
            pull["body"] = _bounded(body["body"])
        pull["title"] = body.get("title", pull["title"])
        pull["head"]["sha"] = self.tip(pull["head"]["ref"])
        return pull

    def _at(self, number: str) -> dict[str, Any]:
        if not 1 <= int(number) <= len(self.pulls):
            raise Refused(404, {"message": "Not Found"})
        return self.pulls[int(number) - 1]

    def _note(self, number: int, who: dict[str, str], body: str) -> dict[str, Any]:
        note = {"id": len(self.notes) + 1, "issue": number, "user": who, "body": _bounded(body)}
        note["html_url"] = f"{self.url}/{PROJECT}/pull/{number}#issuecomment-{note['id']}"
        self.notes.append(note)
        return note

    def _run(self, event: str, title: str, ref: str, path: str) -> None:
        number = len(self.runs) + 1
        self.runs.append({
            "id": number, "event": event, "display_title": title, "head_branch": ref, "path": path,
            "status": "queued", "conclusion": None, "html_url": f"{self.url}/runs/{number}",
        })  # fmt: skip


def _bounded(body: str) -> str:
    if len(body) > 65_536:
        raise _invalid([{"code": "custom", "message": "body is too long (maximum is 65536)"}])
    return body.replace("\n", "\r\n")  # as GitHub may keep it


def _invalid(errors: list[dict[str, str]]) -> Refused:
    return Refused(422, {"message": "Validation Failed", "errors": errors})


def _labels(names: list[str]) -> list[dict[str, Any]]:
    return [{"name": name} for name in names]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
