"""A stand-in for a server of GitLab, as its documentation says."""

from pathlib import Path
from typing import Any

from tests.forges.standins.server import PROJECT, Refused, StandIn

ME = "trueup-bot"


class GitLabStandIn(StandIn):
    """Merge requests, notes, statuses and pipelines of one project."""

    api = "/api/v4"
    description = "gitlab.yaml"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.merges: list[dict[str, Any]] = []
        self.notes: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.pipelines: list[dict[str, Any]] = []
        self.named = True  # pipelines, by workflow: name
        self.scopes = ["api", "write_repository"]
        self.level = 30
        self.fast_forward = False

    def token_of(self, headers: Any) -> str:
        return str(headers.get("PRIVATE-TOKEN") or headers.get("JOB-TOKEN") or "")

    # what people do

    def close(self, number: int, by: str) -> None:
        self.merges[number - 1] |= {"state": "closed", "closed_by": _user(by)}

    def merge_squashed(self, number: int) -> str:
        merge = self.merges[number - 1]
        landed = self.squash(merge["source_branch"])
        kept = "squash_commit_sha" if self.fast_forward else "merge_commit_sha"
        merge |= {"state": "merged", kept: landed, "merge_user": _user("ada")}
        return landed

    def retitle(self, number: int, title: str, body: str, labels: list[str]) -> None:
        self.merges[number - 1] |= {"title": title, "description": body, "labels": labels}

    def shown(self, number: int) -> tuple[str, str, list[str]]:
        merge = self.merges[number - 1]
        return merge["title"], merge["description"], merge["labels"]

    def say(self, number: int, who: str, body: str) -> int:
        return int(self._note(number, who, body)["id"])

    def said(self, number: int) -> list[tuple[str, str]]:
        notes = [note for note in self.notes if note["noteable_iid"] == number]
        return [(note["author"]["username"], note["body"]) for note in notes]

    def open_by_hand(self, branch: str, title: str) -> int:
        body = {"source_branch": branch, "target_branch": "main", "title": title}
        return int(self._merge(body)["iid"])

    def from_fork(self, branch: str, body: str) -> None:
        wanted = {"source_branch": branch, "target_branch": "main", "title": "Look"}
        self._new({**wanted, "description": body}, self.main)["source_project_id"] = 666

    def outcomes(self, commit: str) -> dict[str, str]:
        return {s["name"]: s["state"] for s in self.statuses if s["sha"] == commit}

    def finish(self, number: int, *, well: bool) -> None:
        self.pipelines[number - 1]["status"] = "success" if well else "failed"

    # what programs ask for

    def answer(
        self, method: str, template: str, parts: dict[str, str], query: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        if template.startswith("/projects/") and parts["id"] != PROJECT:
            raise Refused(404, {"message": "404 Project Not Found"})
        rest = template.removeprefix("/projects/{id}")
        one = "/merge_requests/{merge_request_iid}"
        match method, rest:
            case "GET", "/user":
                return 200, _user(ME)
            case "GET", "/personal_access_tokens/self":
                return 200, {"name": "loop", "scopes": self.scopes, "expires_at": "2030-01-31"}
            case "GET", "":
                access = {"project_access": {"access_level": self.level}, "group_access": None}
                return 200, {"id": 5, "permissions": access}
            case "GET", "/merge_requests":
                branch = query["source_branch"]
                return 200, [m for m in self.merges if m["source_branch"] == branch][::-1]
            case "POST", "/merge_requests":
                return 201, self._merge(body)
            case "PUT", "/merge_requests/{merge_request_iid}":
                return 200, self._change(self._at(parts), body)
            case "GET", notes if notes == f"{one}/notes":
                number = self._at(parts)["iid"]
                found = [note for note in self.notes if note["noteable_iid"] == number]
                return 200, found if query.get("sort") == "asc" else found[::-1]
            case "POST", notes if notes == f"{one}/notes":
                return 201, self._note(self._at(parts)["iid"], ME, body["body"])
            case "PUT", note if note == f"{one}/notes/{{note_id}}":
                found_note = self.notes[int(parts["note_id"]) - 1]
                if found_note["author"]["username"] != ME:
                    raise Refused(403, {"message": "403 Forbidden"})
                found_note["body"] = body["body"].strip()
                return 200, found_note
            case "POST", "/statuses/{sha}":
                return 201, self._status(parts["sha"], body)
        return self._started(method, rest, parts, query, body)

    def _started(
        self, method: str, rest: str, parts: dict[str, str], query: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        match method, rest:
            case "POST", "/pipeline":
                variables = {each["key"]: each["value"] for each in body["variables"]}
                return 201, self._pipeline("api", body["ref"], variables)
            case "POST", "/trigger/pipeline":
                return 201, self._pipeline("pipeline", body["ref"], body["variables"])
            case "GET", "/pipelines":
                found = [p for p in self.pipelines if p["source"] == query["source"]]
                return 200, [p for p in found if p["ref"] == query["ref"]][::-1]
            case "GET", "/pipelines/{pipeline_id}/variables":
                held = self.pipelines[int(parts["pipeline_id"]) - 1]["variables"]
                return 200, [
                    {"key": key, "value": value, "variable_type": "env_var"}
                    for key, value in held.items()
                ]
        raise Refused(404, {"message": "404 Not Found"})

    def _merge(self, body: dict[str, Any]) -> dict[str, Any]:
        commit = self.tip(body["source_branch"])
        if not commit or not self.tip(body["target_branch"]):
            raise Refused(422, {"message": {"source_branch": ["does not exist"]}})
        for merge in self.merges:
            same = merge["source_branch"] == body["source_branch"]
            same = same and merge["target_branch"] == body["target_branch"]
            own = merge["source_project_id"] == merge["target_project_id"]
            if same and own and merge["state"] == "opened":
                said = f"Another open merge request already exists: !{merge['iid']}"
                raise Refused(409, {"message": [said]})
        return self._new(body, commit)

    def _new(self, body: dict[str, Any], commit: str) -> dict[str, Any]:
        number = len(self.merges) + 1
        merge = {
            "id": 1000 + number,
            "iid": number,
            "web_url": f"{self.url}/{PROJECT}/-/merge_requests/{number}",
            "state": "opened",
            "title": body["title"],
            "description": _without_actions(body.get("description") or ""),
            "source_branch": body["source_branch"],
            "target_branch": body["target_branch"],
            "source_project_id": 5,
            "target_project_id": 5,
            "author": _user(ME),
            "labels": [name for name in body.get("labels", "").split(",") if name],
            "sha": commit,
            "merge_commit_sha": None,
            "squash_commit_sha": None,
            "closed_by": None,
        }
        self.merges.append(merge)
        return merge

    def _change(self, merge: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        for name in ("title", "target_branch"):
            merge[name] = body.get(name, merge[name])
        if "description" in body:
            merge["description"] = _without_actions(body["description"])
        gone = body.get("remove_labels", "").split(",")
        labels = [name for name in merge["labels"] if name not in gone]
        merge["labels"] = labels + [name for name in body.get("add_labels", "").split(",") if name]
        merge["sha"] = self.tip(merge["source_branch"])
        return merge

    def _at(self, parts: dict[str, str]) -> dict[str, Any]:
        number = int(parts["merge_request_iid"])
        if not 1 <= number <= len(self.merges):
            raise Refused(404, {"message": "404 Not found"})
        return self.merges[number - 1]

    def _note(self, number: int, who: str, body: str) -> dict[str, Any]:
        note = {"id": len(self.notes) + 1, "noteable_iid": number, "author": _user(who)}
        note |= {"body": _without_actions(body), "system": False}
        self.notes.append(note)
        return note

    def _status(self, commit: str, body: dict[str, Any]) -> dict[str, Any]:
        for status in self.statuses:
            if (status["sha"], status["name"]) == (commit, body["name"]):
                if status["state"] == body["state"]:
                    said = f"Cannot transition status via :run from :{body['state']}"
                    raise Refused(400, {"message": said})
                status |= body
                return {**status, "status": status["state"]}
        self.statuses.append({**body, "sha": commit})
        return {**self.statuses[-1], "status": body["state"]}

    def _pipeline(self, source: str, ref: str, variables: dict[str, str]) -> dict[str, Any]:
        number = len(self.pipelines) + 1
        name = f"trueup {variables.get('TRUEUP_DECISION', '')}" if self.named else None
        pipeline = {"id": number, "source": source, "ref": ref, "status": "created", "name": name}
        pipeline |= {"web_url": f"{self.url}/pipelines/{number}", "variables": variables}
        self.pipelines.append(pipeline)
        return pipeline


def _user(name: str) -> dict[str, Any]:
    return {"id": 1, "username": name, "name": name, "state": "active"}


def _without_actions(body: str) -> str:
    """Return a text as GitLab keeps it: what it takes as a quick action is gone from it."""
    lines = body.replace("\r", "").split("\n")
    return "\n".join(line for line in lines if not line.startswith("/")).strip()
