"""Write the comment of a pull or merge request, or say in a line why it was not written."""

from collections.abc import Mapping

from trueup.ci.places import Where
from trueup.errors import TrueupError
from trueup.forges.calling import Patience

SUBJECT = "ci"  # by which the comment is found again: one for all projects


def write_comment(
    where: Where, body: str, env: Mapping[str, str], patience: Patience | None = None
) -> str:
    """Write or update the one comment, and say in a line what came of it; never raises.

    A token that may only read, a forge that does not answer: the check's own result stands.
    """
    if not where.is_request:
        return "no comment: this is no pull or merge request"
    if where.fork:
        return "no comment: a fork's job has no token that may write one; see the summary"
    if where.number is None or not where.remote:
        return "no comment: the environment does not say the request's number and repository"
    from trueup.forges.opening import credential_of, open_forge
    from trueup.forges.places import Kind, place_of

    try:
        kind: Kind = "gitlab" if where.kind == "gitlab" else "github"
        place = place_of(where.remote, env, kind=kind)
        forge = open_forge(place, credential_of(place, env, patience), patience)
        said = forge.comment(where.number, SUBJECT, body)
    except TrueupError as error:
        return f"no comment: {' '.join(error.problem.split())}"
    return f"comment {'written' if said.written else 'unchanged'}: {said.url}"
