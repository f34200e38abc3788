"""GitHub's pull requests, comments and statuses behind the port of all forges."""

import msgspec

from trueup.forges.calling import Caller, Patience, segment, shaped
from trueup.forges.credentials import Credential
from trueup.forges.failures import ForgeInvalid, ForgeRefused
from trueup.forges.fitting import GITHUB_MOST, fitted, same_text, titled
from trueup.forges.github.app import AppCredential
from trueup.forges.github.headers import signed
from trueup.forges.github.permissions import permissions_of
from trueup.forges.github.shapes import Issue, Note, Pull, User
from trueup.forges.labels import labels_after
from trueup.forges.markers import Marker, marked, marker_of
from trueup.forges.places import Place
from trueup.forges.port import Comment, Draft, Permissions, Proposal, Status
from trueup.forges.proposing import chosen, remembered

SAYS_MOST = 140  # characters of a status


class GitHub:
    """One repository on GitHub; see Forge for what each method promises."""

    def __init__(self, place: Place, credential: Credential, patience: Patience | None = None):
        self.place, self.credential = place, credential
        self.caller = Caller(
            place.api,
            place.name,
            lambda: signed(credential.token().reveal()),
            patience or Patience(),
        )
        owner, _, name = place.project.partition("/")
        self.owner, self.path = owner, f"/repos/{segment(owner)}/{segment(name)}"

    def __repr__(self) -> str:
        return f"GitHub({self.place.project!r} at {self.place.web})"

    def find(self, branch: str, subject: str) -> Proposal | None:
        """Return the open request from a branch, else the newest one about the subject."""
        found = chosen(self._from(branch), subject)
        return self._closer(found) if found else None

    def propose(self, draft: Draft) -> Proposal:
        """Open a pull request, or bring the open one from this branch up to date, in place."""
        body = marked(Marker(draft.subject, draft.decision), draft.body)
        wanted = {
            "title": titled(draft.title),
            "body": fitted(body, GITHUB_MOST),
            "base": draft.base,
        }
        known = self._from(draft.branch)
        before = remembered(known, draft)
        if before:
            return self._closer(before)
        opened = chosen(known, draft.subject, only_open=True) or self._open(draft, wanted)
        return self._labelled(self._revised(opened, wanted), draft)

    def comment(self, number: int, subject: str, body: str) -> Comment:
        """Write our comment about a subject on a request, or rewrite the one that is there."""
        text = fitted(marked(Marker(subject), body), GITHUB_MOST)
        path = f"{self.path}/issues/{number}/comments"
        ours = self._our_note(path, subject)
        if ours and same_text(ours.body, text):
            return Comment(ours.id, ours.html_url, written=False)
        if ours:
            answer = self.caller.ask(
                "PATCH",
                f"{self.path}/issues/comments/{ours.id}",
                "rewrite a comment",
                body={"body": text},
            )
        else:
            answer = self.caller.ask("POST", path, "comment", body={"body": text})
        note = shaped(self.place.name, Note, answer.body)
        return Comment(note.id, note.html_url, written=True)

    def show(self, status: Status) -> None:
        """Show a status beside a commit."""
        body = {
            "state": status.outcome,
            "context": status.name,
            "description": _cut(status.says, SAYS_MOST),
            **({"target_url": status.url} if status.url else {}),
        }
        path = f"{self.path}/statuses/{segment(status.commit)}"
        self.caller.ask("POST", path, "show a status", body=body)

    def permissions(self) -> Permissions:
        """Return what the token may do, as far as GitHub tells; changes nothing."""
        return permissions_of(self.caller, self.path, self.credential)

    def _from(self, branch: str) -> list[Proposal]:
        """Return the pull requests from a branch of this repository, newest first."""
        query = {"head": f"{self.owner}:{branch}", "state": "all", "direction": "desc"}
        pages = self.caller.pages(
            f"{self.path}/pulls", "read pull requests", {**query, "sort": "created"}, most=3
        )
        pulls = (shaped(self.place.name, Pull, each) for each in pages)
        return [_proposal(pull) for pull in pulls if pull.head.ref == branch and _is_own(pull)]

    def _open(self, draft: Draft, wanted: dict[str, str]) -> Proposal:
        try:
            answer = self.caller.ask(
                "POST",
                f"{self.path}/pulls",
                "open a pull request",
                body={**wanted, "head": draft.branch},
            )
        except ForgeInvalid:
            found = chosen(self._from(draft.branch), draft.subject, only_open=True)
            if found is None:
                raise
            return found  # somebody opened it between the look and the request
        return self._read(answer.body)

    def _revised(self, known: Proposal, wanted: dict[str, str]) -> Proposal:
        changed = {
            name: value
            for name, value in wanted.items()
            if not same_text(getattr(known, name), value)
        }
        if not changed:
            return known
        path = f"{self.path}/pulls/{known.number}"
        answer = self.caller.ask("PATCH", path, "update a pull request", body=changed)
        return self._read(answer.body)

    def _labelled(self, known: Proposal, draft: Draft) -> Proposal:
        labels = labels_after(known.labels, draft.labels)
        if set(labels) == set(known.labels):
            return known
        path = f"{self.path}/issues/{known.number}/labels"
        self.caller.ask("PUT", path, "label a pull request", body={"labels": labels})
        return msgspec.structs.replace(known, labels=tuple(labels))

    def _read(self, body: object) -> Proposal:
        return _proposal(shaped(self.place.name, Pull, body))

    def _closer(self, found: Proposal) -> Proposal:
        """Return a closed request with who closed it, which only its issue tells."""
        if found.state != "closed":
            return found
        answer = self.caller.ask(
            "GET", f"{self.path}/issues/{found.number}", "read a pull request's issue"
        )
        by = shaped(self.place.name, Issue, answer.body).closed_by
        return msgspec.structs.replace(found, closed_by=by.login if by else "")

    def _our_note(self, path: str, subject: str) -> Note | None:
        """Return the first comment that bears the mark and that this token's author wrote."""
        author: str | None = None
        for each in self.caller.pages(path, "read comments", {}):
            note = shaped(self.place.name, Note, each)
            mark = marker_of(note.body or "")
            if mark is None or mark.subject != subject or note.user is None:
                continue
            author = self._login() if author is None else author
            if note.user.login == author or (not author and note.user.type == "Bot"):
                return note
        return None

    def _login(self) -> str:
        """Return who this token writes as; empty for an installation's, which is not told."""
        if isinstance(self.credential, AppCredential):
            return self.credential.login()
        kind = self.credential.token().kind
        if kind == "actions":
            return "github-actions[bot]"
        try:
            answer = self.caller.ask("GET", "/user", "read the token's user")
        except ForgeRefused:
            if kind == "app":
                return ""
            raise
        return shaped(self.place.name, User, answer.body).login


def _is_own(pull: Pull) -> bool:
    """Tell whether a branch is the repository's own; by what it is called there now."""
    head, base = pull.head.repo, pull.base.repo
    return head is not None and base is not None and head.full_name == base.full_name


def _proposal(pull: Pull) -> Proposal:
    merged = pull.merged_at is not None
    mark = marker_of(pull.body or "") or Marker("")
    return Proposal(
        number=pull.number,
        url=pull.html_url,
        state="merged" if merged else "open" if pull.state == "open" else "closed",
        branch=pull.head.ref,
        base=pull.base.ref,
        commit=pull.head.sha,
        title=pull.title,
        body=pull.body or "",
        subject=mark.subject,
        decision=mark.decision,
        labels=tuple(label.name for label in pull.labels),
        merge_commit=(pull.merge_commit_sha or "") if merged else "",
    )


def _cut(text: str, most: int) -> str:
    line = titled(text) if text else ""
    return line if len(line) <= most else line[: most - 1] + "…"
