"""GitLab's merge requests, notes and statuses behind the port of all forges."""

from collections.abc import Mapping

from trueup.forges.calling import Caller, Patience, segment, shaped
from trueup.forges.credentials import Credential
from trueup.forges.failures import ForgeConflict, failure
from trueup.forges.fitting import (
    GITLAB_MOST,
    GITLAB_NOTE_MOST,
    fitted,
    same_text,
    titled,
    without_commands,
)
from trueup.forges.gitlab.permissions import permissions_of
from trueup.forges.gitlab.shapes import Merge, Note, User
from trueup.forges.labels import is_ours
from trueup.forges.markers import Marker, marked, marker_of
from trueup.forges.places import Place
from trueup.forges.port import Comment, Draft, Permissions, Proposal, Status
from trueup.forges.proposing import chosen, remembered

_OUTCOMES = {"pending": "pending", "success": "success", "failure": "failed", "error": "failed"}


class GitLab:
    """One project on GitLab; see Forge for what each method promises."""

    def __init__(self, place: Place, credential: Credential, patience: Patience | None = None):
        self.place, self.credential = place, credential
        self.caller = Caller(place.api, place.name, self._sign, patience or Patience())
        self.path = f"/projects/{segment(place.project)}"

    def __repr__(self) -> str:
        return f"GitLab({self.place.project!r} at {self.place.web})"

    def find(self, branch: str, subject: str) -> Proposal | None:
        """Return the open request from a branch, else the newest one about the subject."""
        return chosen(self._from(branch), subject)

    def propose(self, draft: Draft) -> Proposal:
        """Open a merge request, or bring the open one from this branch up to date, in place."""
        body = marked(Marker(draft.subject, draft.decision), without_commands(draft.body))
        wanted = {
            "title": titled(draft.title),
            "description": fitted(body, GITLAB_MOST),
            "target_branch": draft.base,
        }
        known = self._from(draft.branch)
        before = remembered(known, draft)
        if before:
            return before
        opened = chosen(known, draft.subject, only_open=True) or self._open(draft, wanted)
        return self._revised(opened, wanted, draft)

    def comment(self, number: int, subject: str, body: str) -> Comment:
        """Write our comment about a subject on a request, or rewrite the one that is there."""
        text = fitted(marked(Marker(subject), without_commands(body)), GITLAB_NOTE_MOST)
        path = f"{self.path}/merge_requests/{number}/notes"
        ours = self._our_note(path, subject)
        if ours and same_text(ours.body, text):
            return Comment(ours.id, self._address(number, ours.id), written=False)
        if ours:
            answer = self.caller.ask(
                "PUT", f"{path}/{ours.id}", "rewrite a comment", body={"body": text}
            )
        else:
            answer = self.caller.ask("POST", path, "comment", body={"body": text})
        note = shaped(self.place.name, Note, answer.body)
        return Comment(note.id, self._address(number, note.id), written=True)

    def show(self, status: Status) -> None:
        """Show a status beside a commit; that GitLab refuses one already shown is fine."""
        body = {
            "state": _OUTCOMES[status.outcome],
            "name": status.name,
            "description": titled(status.says) if status.says else "",
            **({"target_url": status.url} if status.url else {}),
        }
        path = f"{self.path}/statuses/{segment(status.commit)}"
        answer = self.caller.answer("POST", path, body=body)
        if answer.status == 400 and "cannot transition" in str(answer.body).lower():
            return  # it shows this outcome already
        if not 200 <= answer.status < 300:
            raise failure(self.place.name, "show a status", answer)

    def permissions(self) -> Permissions:
        """Return what the token may do, as far as GitLab tells; changes nothing."""
        return permissions_of(self.caller, self.path, self.credential)

    def _from(self, branch: str) -> list[Proposal]:
        """Return the merge requests from a branch of this project, newest first."""
        query = {"source_branch": branch, "state": "all", "scope": "all", "sort": "desc"}
        pages = self.caller.pages(
            f"{self.path}/merge_requests",
            "read merge requests",
            {**query, "order_by": "created_at"},
            most=3,
        )
        found = (shaped(self.place.name, Merge, each) for each in pages)
        return [
            _proposal(merge)
            for merge in found
            if merge.source_branch == branch and merge.source_project_id == merge.target_project_id
        ]

    def _open(self, draft: Draft, wanted: Mapping[str, str]) -> Proposal:
        body = {**wanted, "source_branch": draft.branch, "labels": ",".join(draft.labels)}
        try:
            answer = self.caller.ask(
                "POST", f"{self.path}/merge_requests", "open a merge request", body=body
            )
        except ForgeConflict:
            found = chosen(self._from(draft.branch), draft.subject, only_open=True)
            if found is None:
                raise
            return found  # somebody opened it between the look and the request
        return self._read(answer.body)

    def _revised(self, known: Proposal, wanted: Mapping[str, str], draft: Draft) -> Proposal:
        held = {"title": known.title, "description": known.body, "target_branch": known.base}
        changed = {name: text for name, text in wanted.items() if not same_text(held[name], text)}
        missing = [name for name in draft.labels if name not in known.labels]
        gone = [name for name in known.labels if is_ours(name) and name not in draft.labels]
        if missing:
            changed["add_labels"] = ",".join(missing)
        if gone:
            changed["remove_labels"] = ",".join(gone)
        if not changed:
            return known
        path = f"{self.path}/merge_requests/{known.number}"
        answer = self.caller.ask("PUT", path, "update a merge request", body=changed)
        return self._read(answer.body)

    def _read(self, body: object) -> Proposal:
        return _proposal(shaped(self.place.name, Merge, body))

    def _our_note(self, path: str, subject: str) -> Note | None:
        """Return the first note that bears the mark and that this token's user wrote."""
        author = ""
        for each in self.caller.pages(path, "read comments", {"sort": "asc"}):
            note = shaped(self.place.name, Note, each)
            mark = marker_of(note.body)
            if note.system or mark is None or mark.subject != subject:
                continue
            author = author or self._login()
            if note.author.username == author:
                return note
        return None

    def _login(self) -> str:
        answer = self.caller.ask("GET", "/user", "read the token's user")
        return shaped(self.place.name, User, answer.body).username

    def _address(self, number: int, note: int) -> str:
        return f"{self.place.web}/{self.place.project}/-/merge_requests/{number}#note_{note}"

    def _sign(self) -> Mapping[str, str]:
        token = self.credential.token()
        return {"JOB-TOKEN" if token.kind == "job" else "PRIVATE-TOKEN": token.reveal()}


def _proposal(merge: Merge) -> Proposal:
    merged = merge.state == "merged"
    mark = marker_of(merge.description or "") or Marker("")
    landed = merge.merge_commit_sha or merge.squash_commit_sha or merge.sha or ""
    return Proposal(
        number=merge.iid,
        url=merge.web_url,
        # locked: being merged at this moment
        state="merged" if merged else "closed" if merge.state == "closed" else "open",
        branch=merge.source_branch,
        base=merge.target_branch,
        commit=merge.sha or "",
        title=merge.title,
        body=merge.description or "",
        subject=mark.subject,
        decision=mark.decision,
        labels=tuple(merge.labels),
        merge_commit=landed if merged else "",
        closed_by=merge.closed_by.username if merge.closed_by and not merged else "",
    )
