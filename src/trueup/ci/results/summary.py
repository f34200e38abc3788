"""The summary of a job on GitHub: the comment's Markdown, within what a step may write."""

from collections.abc import Sequence

from trueup.ci.results.comment import comment
from trueup.ci.results.result import Result
from trueup.forges.fitting import fitted

MOST_BYTES = 1_048_576  # of a step, as GitHub documents it for job summaries


def summary(results: Sequence[Result]) -> str:
    """Return Markdown of at most 1 MiB; what is left out is said in its last line."""
    whole = comment(results)
    most = len(whole) + 1
    shown = whole
    while (size := len(shown.encode("utf-8", "replace"))) > MOST_BYTES:
        most = int(min(most, len(shown)) * MOST_BYTES / size * 0.98)
        shown = fitted(whole, most, "on the page among the job's artifacts")
    return shown
