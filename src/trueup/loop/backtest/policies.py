"""The policies that are compared: built in by name, the project's own, and those of a file."""

from collections.abc import Mapping

import msgspec

from trueup.config.backtest_entries import PolicyEntry
from trueup.config.loop_entries import DriftTrigger, DropTrigger, LoopEntry, TriggerEntry
from trueup.config.model_entries import ModelEntry
from trueup.errors import WrongUsage, did_you_mean
from trueup.loop.events import Do
from trueup.loop.policy import Policy, policy_of

MONTHLY = "0 0 1 * *"
BUILT_IN = ("never", "monthly", "drift", "estimate", "yours")
_WATCHES = ("drift", "performance", "estimate", "data_broken", "skew")


class Line(msgspec.Struct, frozen=True):
    """One policy of a backtest; ``says`` is it in words."""

    name: str
    policy: Policy
    gated: bool
    says: str

    @property
    def watches(self) -> bool:
        """Say whether any of its triggers looks at windows; broken data alone sets nothing off."""
        acts = [one for one in self.policy.triggers if one.do != "notify"]
        return any(one.kind in _WATCHES for one in acts)


class Named(msgspec.Struct, frozen=True):
    """Whose policies they are."""

    model: str  # project/model
    environment: str
    place: str  # of trueup.yaml


def lines_of(
    named: Named, entry: ModelEntry, file: Mapping[str, PolicyEntry], chosen: tuple[str, ...] = ()
) -> tuple[Line, ...]:
    """Return the policies: those of a file and ``never``, else all that are built in.

    ``chosen`` names some of them, built in or of the file. What is built in differs from the
    model's own loop in its triggers alone, so that nothing else is compared. WrongUsage for names
    that there are none of, and for a policy that could not make its models as of a moment.
    """
    known = {**_built_in(entry), **file}
    usual = ["never", *file] if file else [*_built_in(entry)]
    names = list(dict.fromkeys(chosen or usual))
    lines = []
    for name in names:
        if name not in known:
            raise WrongUsage(
                f"there is no policy {name!r}",
                remedy=f"{did_you_mean(name, known)}There are: {', '.join(known)}",
            )
        lines.append(_line(name, known[name], named, entry))
    return tuple(lines)


def _built_in(entry: ModelEntry) -> dict[str, LoopEntry]:
    """Return the built-in policies that can be followed; an estimate needs a watched metric."""
    own = entry.loop or LoopEntry()
    drift = next((one for one in own.when if one.drift is not None), None)
    guess = next((one for one in own.when if one.estimate is not None), None)
    retrain: Do = "retrain"
    found = {
        "never": (),
        "monthly": (TriggerEntry(do=retrain, schedule=MONTHLY),),
        "drift": (TriggerEntry(do=retrain, drift=drift.drift if drift else DriftTrigger()),),
    }
    if entry.monitor is not None and entry.monitor.performance.metric:
        low = guess.estimate if guess else DropTrigger()
        found["estimate"] = (TriggerEntry(do=retrain, estimate=low),)
    lines = {name: msgspec.structs.replace(own, when=when) for name, when in found.items()}
    return lines | ({"yours": own} if own.when else {})


def _line(name: str, said: LoopEntry, named: Named, entry: ModelEntry) -> Line:
    gated = not isinstance(said, PolicyEntry) or said.gate == "on"
    loop = _as_loop(said)
    if not loop.retrain.params and entry.loop is not None:
        loop = msgspec.structs.replace(loop, retrain=entry.loop.retrain)
    policy = policy_of(named.model, named.environment, loop, named.place)
    if "now" not in policy.params.values():
        raise WrongUsage(
            f"the policy {name!r} does not say which parameter is the moment that it trains for",
            remedy="Write retrain: {params: {KEY: now}}, under loop: of the model or in the policy",
            place=named.place,
        )
    return Line(name, msgspec.structs.replace(policy, then="promote"), gated, _says(policy, gated))


def _as_loop(said: LoopEntry) -> LoopEntry:
    return LoopEntry(
        **{one.name: getattr(said, one.name) for one in msgspec.structs.fields(LoopEntry)}
    )


def _says(policy: Policy, gated: bool) -> str:
    acts = [f"{one.do} on {one.text}" for one in policy.triggers if one.do != "notify"]
    params = ", ".join(f"{key}: {value}" for key, value in policy.params.items())
    said = "; ".join(acts) or "nothing is ever retrained"
    if not acts:
        return f"{said}; trained with {params}"
    days = policy.cooldown_s / 86400.0
    judged = "what the gate passes is promoted" if gated else "promoted without a gate"
    return f"{said}; at most every {days:g} days; trained with {params}; {judged}"
