"""What every request to GitHub bears."""

from collections.abc import Mapping

VERSION = "2022-11-28"


def signed(token: str) -> Mapping[str, str]:
    """Return the headers of a request under a token."""
    return {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {token}",
        "X-GitHub-Api-Version": VERSION,
    }
