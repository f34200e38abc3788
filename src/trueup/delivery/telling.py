"""What became of models at the end of a run, in sentences."""

from typing import TYPE_CHECKING

from trueup.delivery.delivering import Delivered

if TYPE_CHECKING:
    from trueup.delivery.judging import Judgement

_SAID = ("failed", "inconclusive")  # by the verdict's own reasons, which stand above


def sentences(done: Delivered) -> list[str]:
    """Return what became of a model at the end of a run, shortest first."""
    named = done.model + (f"/{done.version}" if done.version else "")
    if done.champion:
        return [f"{named} is the champion of {done.environment}"]
    said = [_judged(named, done.judgement)] if done.judgement else [f"{named}: no rule judges it"]
    if done.promoted is not None:
        said.append(f"{named} promoted: champion of {done.environment}")
    elif done.refusal is not None:
        why = "" if done.refusal.reason in _SAID else f"{done.refusal.text}. "
        said.append(f"{named} not promoted. {why}{done.refusal.remedy}")
    elif done.version is None and done.judgement is not None:
        said.append(f"{named} not registered: this scope is not trusted")
    return said


def _judged(named: str, judgement: "Judgement") -> str:
    verdict = judgement.verdict
    again = ", as judged before" if judgement.again else ""
    word = {"pass": "passed the gate", "fail": "refused by the gate"}.get(
        verdict.word, "undecided by the gate"
    )
    reasons = "".join(f"\n  {reason}" for reason in verdict.reasons[:5])
    return f"{named} {word}{again}{reasons}"
