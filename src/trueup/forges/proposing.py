"""Which of a branch's requests is meant; the same for every forge."""

from collections.abc import Sequence

from trueup.forges.port import Draft, Proposal


def chosen(known: Sequence[Proposal], subject: str, *, only_open: bool = False) -> Proposal | None:
    """Return the open request, else the newest about the subject; they come newest first.

    An open one counts whatever its body says by now: a forge allows one from a branch, and the
    branch is ours. If a person opened a second one into another base, the marked one counts.
    """
    opened = [each for each in known if each.state == "open"]
    marked = [each for each in opened if each.subject == subject]
    if opened:
        return (marked or opened)[0]
    if only_open:
        return None
    return next((each for each in known if each.subject == subject), None)


def remembered(known: Sequence[Proposal], draft: Draft) -> Proposal | None:
    """Return the request that was closed or merged for this very decision, if none is open."""
    if not draft.decision or any(each.state == "open" for each in known):
        return None
    same = (draft.subject, draft.decision)
    return next((each for each in known if (each.subject, each.decision) == same), None)
