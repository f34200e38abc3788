"""What a token may do, as a table that every renderer shows."""

from trueup.forges.port import Deed, Permissions
from trueup.reporting.blocks import Column, Table
from trueup.reporting.wording import moment

_DEEDS: dict[Deed, str] = {
    "read": "read",
    "push": "push a branch",
    "propose": "open and update requests",
    "comment": "comment",
    "status": "show a status",
    "dispatch": "start a workflow",
    "checks": "let the checks of what it opens run",
}
_ANSWERS = {True: "yes", False: "no", None: "not told"}


def permissions_table(found: Permissions) -> Table:
    """Return a row for each deed, with whether the token may and what stands in the way."""
    who = found.who or f"a token of the kind {found.kind}"
    until = f", until {moment(found.until)}" if found.until else ""
    columns = (Column("may"), Column("allowed"), Column("why"))
    rows = tuple((_DEEDS[each.deed], _ANSWERS[each.allowed], each.why) for each in found.can)
    return Table(columns, rows, title=f"{who}{until}")
