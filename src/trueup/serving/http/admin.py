"""POST /admin/refresh: look at the aliases now, not at the next poll."""

from trueup.serving.http.messages import Reply, Request, json_reply
from trueup.serving.plane import Plane


async def refresh(plane: Plane, request: Request) -> Reply:
    """Look whether another version is live by now, load it, and say what answers then."""
    await plane.look()
    return json_reply(
        {
            line.name: {"version": line.live.named.version, "trouble": line.trouble}
            for line in plane.lines.values()
        }
    )
