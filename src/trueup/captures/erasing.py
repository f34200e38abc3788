"""Remove a person's rows everywhere: segments, labels, exports of our own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from trueup.captures import erasures, exporting, layout, reading, rewriting
from trueup.captures.erasures import Erased, Erasing, Exported, Order, text_of
from trueup.captures.finding import segments_in
from trueup.captures.frames import INPUT
from trueup.errors import TrueupError, WrongUsage, did_you_mean
from trueup.store.bucket import Bucket

if TYPE_CHECKING:
    import polars as pl

# from the erased ids to the names of versions that were trained on any of these rows
TrainedOn: TypeAlias = Callable[[Sequence[str]], Iterable[str]]
Chosen: TypeAlias = Sequence[str] | Mapping[str, Any]


def nobody(_: Sequence[str]) -> Iterable[str]:
    """Know of no version that was trained on captures."""
    return ()


def erase(
    bucket: Bucket, model: str, chosen: Chosen, order: Order, trained_on: TrainedOn = nobody
) -> Erased:
    """Erase predictions by their ids, or all with these values; return what is gone.

    The announcement comes first and holds: rows that still wait in some server's spool are left
    out when they are shipped. It names ids and values by salted digests only. If this is
    interrupted, call it again. What a model was trained on is not rewritten: trained_on says
    which versions those are.
    """
    reading.require_polars()
    log = erasures.log_of(bucket, model)
    numbers = []

    def announce(what: Chosen) -> None:
        event = erasures.erasing(order.at, order.by, what, order.why)
        numbers.append(log.add(erasures.encode_event(event)))

    ids = [] if isinstance(chosen, Mapping) else sorted(set(chosen))
    if isinstance(chosen, Mapping):
        _require_columns(bucket, model, chosen)
        announce(chosen)
        ids = _ids_where(bucket, model, chosen)
    if ids:
        announce(ids)
    captures = rewriting.without(bucket, layout.CAPTURES, model, ids)
    labels = rewriting.without(bucket, layout.LABELS, model, ids)
    exports, elsewhere = _rewrite_exports(bucket, model, ids)
    done = Erased(
        at=order.at,
        by=order.by,
        numbers=tuple(numbers),
        captures=captures,
        labels=labels,
        exports=exports,
        elsewhere=elsewhere,
        versions=tuple(trained_on(ids)) if ids else (),
    )
    log.add(erasures.encode_event(done))
    return done


def unfinished(bucket: Bucket, model: str) -> list[Erasing]:
    """Return the announcements whose erasing has not come to its end."""
    log = erasures.log_of(bucket, model)
    events = [(one.number, erasures.decode_event(one.body, log.prefix)) for one in log.read()]
    done = {number for _, one in events if isinstance(one, Erased) for number in one.numbers}
    return [one for number, one in events if isinstance(one, Erasing) and number not in done]


def _require_columns(bucket: Bucket, model: str, where: Mapping[str, Any]) -> None:
    """Raise WrongUsage for a name that no capture has: erasing nothing must not look like done."""
    if not where:
        raise WrongUsage("nothing was chosen to be erased", remedy="Give ids, or COLUMN=VALUE")
    lazy = reading.captures(bucket, model, labels=False)
    names = lazy.collect_schema().names()
    plain = [name.removeprefix(INPUT) for name in names]
    for name in where:
        if name not in names and name not in plain:
            raise WrongUsage(
                f"no capture of {model} has a column {name!r}",
                remedy=f"{did_you_mean(name, plain)}See them with: trueup captures {model}",
            )


def _ids_where(bucket: Bucket, model: str, where: Mapping[str, Any]) -> list[str]:
    found: set[str] = set()
    wanted = {name: text_of(value) for name, value in where.items()}
    for segment in segments_in(bucket, layout.CAPTURES, model):
        frame = reading.read_segment(bucket, segment)
        if frame is not None:
            found |= _matching(frame, wanted)
            found |= _sent(frame, wanted)
    return sorted(found)


def _matching(frame: "pl.DataFrame", wanted: Mapping[str, str]) -> set[str]:
    ids = set(frame["id"])
    for name, text in wanted.items():
        full = erasures.full_name(name, dict.fromkeys(frame.columns))
        if full not in frame.columns:
            return set()
        pairs = zip(frame["id"], frame[full], strict=True)
        ids &= {one for one, value in pairs if value is not None and text_of(value) == text}
    return ids


def _sent(frame: "pl.DataFrame", wanted: Mapping[str, str]) -> set[str]:
    """Return the ids of refused requests that had these values."""
    if "sent" not in frame.columns:
        return set()
    found = set()
    for one, text in zip(frame["id"], frame["sent"], strict=True):
        if text and erasures.has_values(text, wanted):
            found.add(one)
    return found


def _rewrite_exports(
    bucket: Bucket, model: str, ids: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files that were written anew, and those that cannot be looked into from here."""
    import polars as pl

    log = erasures.log_of(bucket, model)
    events = [erasures.decode_event(one.body, log.prefix) for one in log.read()]
    places = dict.fromkeys(one.place for one in events if isinstance(one, Exported))
    changed, elsewhere = [], []
    for place in places:
        path = Path(place)
        here = False
        with suppress(OSError, pl.exceptions.PolarsError, TrueupError):
            if path.is_file():
                frame = exporting.scan(path)
                gone = pl.col("id").is_in(ids)
                if frame.filter(gone).select(pl.len()).collect().item():
                    exporting.write(frame.filter(~gone), path)
                    changed.append(place)
                here = True
        if not here:
            elsewhere.append(place)
    return tuple(changed), tuple(elsewhere)
