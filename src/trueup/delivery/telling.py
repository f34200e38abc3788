"""What became of models, as reports and sentences."""

from trueup.delivery.delivering import Delivered
from trueup.delivery.judging import Judgement
from trueup.gate.showing import verdict_report
from trueup.reporting.blocks import Report

_SAID = ("failed", "inconclusive")  # by the verdict's own reasons, which stand above


def judgement_report(judgement: Judgement) -> Report:
    """Return the report of a verdict."""
    named = judgement.model
    named += f"/{judgement.version}" if judgement.version else ", the model of this checkout"
    return verdict_report(judgement.verdict, f"{named}, for {judgement.environment}")


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


def _judged(named: str, judgement: Judgement) -> str:
    verdict = judgement.verdict
    again = ", as judged before" if judgement.again else ""
    word = {"pass": "passed the gate", "fail": "refused by the gate"}.get(
        verdict.word, "undecided by the gate"
    )
    reasons = "".join(f"\n  {reason}" for reason in verdict.reasons[:5])
    return f"{named} {word}{again}{reasons}"
