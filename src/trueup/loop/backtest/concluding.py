"""What a backtest says in a sentence: which policy is best, and how far that can be believed."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

from trueup.loop.backtest.comparing import best_of
from trueup.loop.backtest.records import Backtest, Comparison
from trueup.reporting.wording import number

Standing: TypeAlias = Literal["confirmed", "shown", "exploratory", "undecided", "not confirmed"]


class Conclusion(msgspec.Struct, frozen=True):
    """The best policy, whether that is so, and the sentences that say it."""

    best: str  # empty: there is none
    standing: Standing
    title: str
    says: tuple[str, ...]


def conclude(found: Backtest) -> Conclusion:
    """Return what a backtest comes to.

    Confirmed: chosen on the earlier part and better on the later one. Shown: better, and there was
    only one comparison. Exploratory: better, but picked as the best of several on the same rows.
    """
    best = best_of(found.scores, found.metric, higher=found.higher)
    if best is None:
        return Conclusion("", "undecided", "no policy could be scored", ())
    tested = next((one for one in found.comparisons if one.confirmed_on), None)
    if tested is not None:
        return _tested(found, tested)
    own = [_seen_from(best, one) for one in _of(found, best)]
    if not own:
        return Conclusion(best, "undecided", "there is one policy, and nothing beside it", ())
    if all(one.word == "the same" for one in own):
        return Conclusion(best, "undecided", "no policy differs from the others", _numbers(own))
    name = quoted(best)
    apart = [one.against for one in own if one.word not in ("better", "the same")]
    if apart:
        title = f"{name} scores best, and is not told apart from {_listed(apart)}: undecided"
        return Conclusion(best, "undecided", title, (*_numbers(own), *_would(own)))
    beaten = _listed([one.against for one in own if one.word == "better"])
    if not any(one.exploratory for one in own):
        return Conclusion(best, "shown", f"{name} is better than {beaten}: shown", _numbers(own))
    title = f"{name} is better than {beaten}: exploratory"
    return Conclusion(best, "exploratory", title, (*_numbers(own), *_picked(found)))


def _picked(found: Backtest) -> Iterator[str]:
    """Yield that the best was picked, and what would confirm it."""
    yield f"It was picked as the best of {len(found.runs)} on the rows that it is praised by."
    if found.confirm_from is not None:
        yield (
            f"Nothing could be confirmed: never was best before {found.confirm_from:%Y-%m-%d}, or"
            " no row with a target lies on one side of it."
        )
    else:
        yield (
            "To confirm it, keep a later part, on which the best of the earlier one is tested:"
            " --confirm-from MOMENT."
        )


def _tested(found: Backtest, tested: Comparison) -> Conclusion:
    """Return what the later part has said of the best of the earlier one."""
    policy, against = quoted(tested.policy), quoted(tested.against)
    since = f"{found.confirm_from:%Y-%m-%d}" if found.confirm_from else "then"
    chosen = (
        f"{policy} was the best of {len(found.runs)} before {since}, and was compared with"
        f" {against} once, on {tested.confirmed_on}: {_difference(tested)}."
    )
    standing: Standing = "not confirmed"
    if tested.word == "better":
        standing, title = "confirmed", f"{policy} is better than {against}: confirmed"
    elif tested.word == "worse":
        title = f"{policy} was best before {since}, and worse than {against} after: not confirmed"
    elif tested.word == "the same":
        title = f"{policy} was best before {since}, and like {against} after: not confirmed"
    else:
        standing = "undecided"
        title = f"{policy} was best before {since}; whether better than {against} after: undecided"
    return Conclusion(tested.policy, standing, title, (chosen, *_would([tested])))


def _of(found: Backtest, best: str) -> Iterator[Comparison]:
    for one in found.comparisons:
        if one.metric == found.metric and best in (one.policy, one.against):
            yield one


def _seen_from(policy: str, one: Comparison) -> Comparison:
    """Return a comparison turned so that this policy is the one that is compared."""
    if one.policy == policy:
        return one
    turned = {"better": "worse", "worse": "better"}
    return msgspec.structs.replace(
        one,
        policy=policy,
        against=one.policy,
        difference=None if one.difference is None else -one.difference,
        low=None if one.high is None else -one.high,
        high=None if one.low is None else -one.low,
        word=turned.get(one.word, one.word),
    )


def _numbers(own: list[Comparison]) -> tuple[str, ...]:
    return tuple(f"Against {quoted(one.against)}: {_difference(one)}." for one in own)


def _difference(one: Comparison) -> str:
    """Return a difference in words."""
    if one.word == "the same":
        return "the same predictions"
    if one.difference is None:
        return one.says or "nothing is known"
    size = number(abs(one.difference), digits=3)
    way = "better" if one.difference > 0 else "worse"
    if one.low is None and one.high is None:
        return f"{size} {way} in {one.metric}, how sure is not known ({one.says})"
    low, high = _bound(one.low, "-"), _bound(one.high, "+")
    return f"{size} {way} in {one.metric} ({one.level * 100:.4g} % interval {low} to {high})"


def _bound(bound: float | None, sign: str) -> str:
    return f"{sign}inf" if bound is None else number(bound, digits=3, sign=True)


def _would(own: list[Comparison]) -> Iterator[str]:
    """Yield how large a difference would have been found."""
    for one in own:
        if one.word == "undecided" and one.detectable is not None:
            size, against = number(one.detectable, digits=2), quoted(one.against)
            yield f"A true difference of {size} to {against} would be found in 4 of 5 cases."


def _listed(names: list[str]) -> str:
    *first, last = map(quoted, names)
    return f"{', '.join(first)} and {last}" if first else last


def quoted(name: str) -> str:
    """Return a policy's name, in quotes where a sentence would else swallow it.

    >>> quoted("yours"), quoted("eight weeks")
    ('yours', "'eight weeks'")
    """
    return f"'{name}'" if " " in name else name
