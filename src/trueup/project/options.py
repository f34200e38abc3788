"""How a run is wanted."""

import msgspec


class RunOptions(msgspec.Struct, frozen=True):
    """How to run; the defaults are those of ``trueup run``."""

    targets: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()  # [FILE:]KEY=VALUE
    force: bool = False
    jobs: int | None = None  # None: one for each CPU
    keep_going: bool = False
    isolated: bool = False
    affected: str = ""  # a revision
    single: bool = False  # the targets alone, without what they need
    wait: bool = True  # for another run in this checkout
