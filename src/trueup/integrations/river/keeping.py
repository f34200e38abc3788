"""River's objects as plain values and back, without pickle: what is stored never names a class."""

import random
from collections import deque
from typing import Any, TypeAlias

Plain: TypeAlias = Any  # None, truths, numbers, texts, bytes, lists and maps of them

_LEAVES = (bool, int, float, str, bytes, type(None))


def kept(thing: Any) -> Plain:
    """Return all that a detector has learnt."""
    if isinstance(thing, _LEAVES):
        plain: Any = thing
        return plain.item() if hasattr(plain, "item") else plain  # NumPy's floats are floats, too
    if isinstance(thing, random.Random):
        version, words, spare = thing.getstate()
        return [version, list(words), spare]
    if isinstance(thing, (deque, list, tuple)):
        return [kept(one) for one in thing]
    if hasattr(thing, "__dict__"):
        return {name: kept(one) for name, one in vars(thing).items() if not callable(one)}
    return bytes(thing.__getstate__())  # of an object made in Rust


def restored(fresh: Any, stored: Plain) -> Any:
    """Return a newly made object with what was stored; it alone says what is of which class."""
    if fresh is None or isinstance(fresh, _LEAVES):
        return stored
    if isinstance(fresh, random.Random):
        version, words, spare = stored
        fresh.setstate((version, tuple(words), spare))
    elif isinstance(fresh, deque):
        return deque(stored, maxlen=fresh.maxlen)
    elif isinstance(fresh, (list, tuple)):
        return type(fresh)(stored)
    elif isinstance(stored, dict):
        for name, one in stored.items():
            setattr(fresh, name, restored(getattr(fresh, name, None), one))
    else:
        fresh.__setstate__(stored)
    return fresh
