"""What comes next for a decision, by what is written down of it; so the same after a kill."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from trueup.loop.events import Acted, End, Step
from trueup.loop.history import Course

MOST_EPOCHS = 6  # workers that took it up; what ends each of them is not tried for ever
MOST_LEFT = 300  # passes that found something remote silent, or somebody else first
Next: TypeAlias = "Literal['guard'] | Step | Finish | Wait"

_ENDS: dict[Step, End] = {"promote": "promoted", "pull_request": "proposed"}
_WORDS: dict[str, End] = {
    "fail": "refused", "inconclusive": "inconclusive", "no change": "no change",
}  # fmt: skip

_OVER: dict[str, End] = {"promoted": "promoted", "gone": "rolled back"}  # by somebody else


class Finish(msgspec.Struct, frozen=True):
    """It is done with."""

    end: End
    says: str = ""
    version: int | None = None


class Wait(msgspec.Struct, frozen=True):
    """Nothing can be done yet."""

    says: str
    until: datetime | None = None


def next_step(course: Course, frozen_until: datetime | None = None) -> Next:
    """Return what is to be done with a decision; nothing is promoted in a freeze."""
    decided = course.decided
    if course.epoch - course.rested - course.left > MOST_EPOCHS:
        return Finish("failed", f"{MOST_EPOCHS} workers took it up, and none came to its end")
    if course.left > MOST_LEFT:
        return Finish("failed", f"{MOST_LEFT} passes have left it for the next one")
    if decided.do == "notify":
        return Finish("notified", decided.cause.says)
    if decided.do == "rollback":
        return _rolling_back(course)
    if course.guarded is None:
        return "guard"
    if course.guarded.word == "stop":
        stops = [one for one in course.guarded.findings if one.stops]
        mend = [f"{one.says}{f': mend {one.mend}' if one.mend else ''}" for one in stops]
        return Finish("stopped", "; ".join(mend))
    trained = course.done("train")
    if trained is None:
        return "train"
    if trained.state != "done":
        return Finish("failed", trained.says)
    return _after_training(course, frozen_until)


def _rolling_back(course: Course) -> Next:
    act = course.done("rollback")
    if act is None:
        return "rollback"
    end: End = "rolled back" if act.state == "done" else "nothing to do"
    return Finish("failed" if act.state == "failed" else end, act.says, act.version)


def _after_training(course: Course, frozen_until: datetime | None) -> Next:
    judged = course.done("deliver")
    if judged is None:
        return "deliver"
    if judged.state == "failed":
        return Finish("failed", judged.says, judged.version)
    if judged.state == "refused":
        return Finish(_WORDS.get(judged.word, "refused"), judged.says, judged.version)
    then = course.decided.then
    if judged.word == "inconclusive":
        return Finish("asked", judged.says, judged.version)
    if course.decided.refit:
        refitted = course.done("refit")
        if refitted is None:
            return "refit"
        if refitted.state == "failed":
            return Finish("failed", refitted.says, judged.version)
        judged = refitted
    if then in (None, "person"):
        return Finish("asked", judged.says, judged.version)
    if course.trial is not None:
        return _on_trial(course, frozen_until)
    step: Step = then  # type: ignore[assignment] # person and None are gone
    act = course.done(step)
    if act is None:
        return _unless_frozen(step, frozen_until)
    return _moved(step, act)


def _on_trial(course: Course, frozen_until: datetime | None) -> Next:
    """Return what comes next for a version on trial: a look, and what follows from the last."""
    looked = course.done("trial")
    if looked is None or looked.word == "open":
        return "trial"
    if looked.word in _OVER:
        return Finish(_OVER[looked.word], looked.says, looked.version)
    if looked.word == "pass":
        act = course.done("promote")
        if act is None:
            return _unless_frozen("promote", frozen_until)
        if act.state == "done" or act.word == "ask":
            return _moved("promote", act)
        looked = act
    gone = course.done("withdraw")
    if gone is None:
        return "withdraw"
    if gone.state == "failed":
        says = f"{looked.says}; it is still on trial: {gone.says}"
        return Finish("failed", says, looked.version)
    if looked.step == "promote":
        return _moved("promote", looked)
    end: End = "undecided" if looked.word == "undecided" else "rolled back"
    return Finish("failed" if looked.state == "failed" else end, looked.says, looked.version)


def _unless_frozen(step: Step, frozen_until: datetime | None) -> Next:
    if frozen_until is None or step not in ("promote", "canary"):
        return step
    return Wait(f"nothing is promoted before {frozen_until:%Y-%m-%d %H:%M %Z}", frozen_until)


def _moved(step: Step, act: Acted) -> Finish:
    if act.state == "done":
        return Finish(_ENDS[step], act.says, act.version)
    refused: End = "asked" if act.word == "ask" else "refused"
    return Finish("failed" if act.state == "failed" else refused, act.says, act.version)
