"""What became of models at the end of a run, in sentences."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trueup.delivery.delivering import Delivered
from trueup.registry.reports import sentence

if TYPE_CHECKING:
    from trueup.delivery.judging import Judgement

_SAID = ("failed", "inconclusive", "no change")  # by the verdict's own reasons, which stand above
_MOST_REASONS = 5


def sentences(done: Delivered) -> list[str]:
    """Return what became of a model at the end of a run, shortest first."""
    named = done.model + (f"/{done.version}" if done.version else "")
    return [*_sentences(done, named), *done.told]


def _sentences(done: Delivered, named: str) -> Iterator[str]:
    if done.champion is not None:
        yield _under(_champion(done, named), done.notes)
        return
    if done.judgement is None:
        yield f"{named}: {'the gate is off' if done.mode == 'off' else 'no rule judges it'}"
        if done.unregistered:
            yield f"{named} not registered: {done.unregistered}"
        return
    yield _judged(done, done.judgement, named)
    if done.promoted is not None:
        how = () if done.promoted.grounds == "pass" else (sentence(done.promoted),)
        yield _under(f"{named} promoted: champion of {done.environment}", how)
    elif done.version is None:
        yield f"{named} not registered: {done.unregistered}"
    elif (why := _why_open(done, named)) is not None:
        yield f"{named} not promoted{why}"


def _champion(done: Delivered, named: str) -> str:
    live = f"{done.model}/{done.champion}"
    if done.version in (None, done.champion):
        return f"{live} is the champion of {done.environment}"
    return f"{named} is the same model as {live}, the champion of {done.environment}"


def _judged(done: Delivered, judgement: "Judgement", named: str) -> str:
    verdict = judgement.verdict
    again = ", as judged before" if judgement.again else ""
    word = {"pass": "passed the gate", "fail": "refused by the gate"}.get(
        verdict.word, "undecided by the gate"
    )
    if verdict.word == "fail" and done.mode == "warn":
        word = "would be refused by the gate (mode: warn)"
    reasons = list(dict.fromkeys(verdict.reasons))
    more = len(reasons) - _MOST_REASONS
    told = [*reasons[:_MOST_REASONS], *([f"and {more} more"] if more > 0 else [])]
    if verdict.word == "inconclusive":
        told += verdict.notes  # what would help: rows to refresh, what to declare
    return _under(f"{named} {word}{again}", told)


def _why_open(done: Delivered, named: str) -> str | None:
    """Return why a model was not promoted that was not refused; None where that is said."""
    verdict = done.judgement.verdict if done.judgement else None
    if verdict is None or verdict.word == "fail":
        return None
    by_hand = f"trueup promote {named} --env {done.environment}"
    if done.withdrawn is not None:
        why = f" ({done.withdrawn.why})" if done.withdrawn.why else ""
        return f": it was rolled back in {done.environment}{why}. If it is to return: {by_hand}"
    if done.refusal is not None:
        text = done.refusal.text.removeprefix(f"{named} ")
        return f"{'' if done.refusal.reason in _SAID else f': {text}'}. {done.refusal.remedy}"
    if verdict.no_change:
        return ": it predicts what the champion predicts, so there is nothing to win"
    return f": promote is manual. Promote it with: {by_hand}" if done.manual else None


def _under(first: str, lines: list[str] | tuple[str, ...]) -> str:
    return "\n  ".join((first, *lines))
