"""How single values are written: numbers, durations, and text that nobody vouches for."""

import math
from datetime import datetime

from trueup.reporting.blocks import Cell, Column


def number(value: float, *, digits: int = 6, sign: bool = False) -> str:
    """Return a number in as many significant digits; whole numbers keep all of theirs.

    >>> number(0.71234567), number(1234567), number(0.25, sign=True), number(1e-9)
    ('0.712346', '1234567', '+0.25', '1e-09')
    """
    plus = "+" if sign and value > 0 else ""
    if isinstance(value, int):
        return f"{plus}{value}"
    if not math.isfinite(value):
        return f"{plus}{value}"
    return f"{plus}{value:.{digits}g}"


def cell(value: Cell, column: Column) -> str:
    """Return a cell as text, not yet made safe for any renderer.

    >>> cell(None, Column("loss")), cell(True, Column("dirty")), cell(0.5, Column("loss", "number"))
    ('-', 'yes', '0.5')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value, digits=column.digits, sign=column.sign)
    return value


def heading(column: Column) -> str:
    """Return a column's heading with its unit."""
    return f"{column.name} ({column.unit})" if column.unit else column.name


def duration(seconds: float) -> str:
    """Return a span of time as people say it.

    >>> duration(0.042), duration(9.87), duration(75), duration(7265), duration(200_000)
    ('42 ms', '9.9 s', '1 min 15 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def moment(at: datetime) -> str:
    """Return a moment to the second, in its own zone; UTC is marked Z.

    >>> from datetime import UTC
    >>> moment(datetime(2026, 11, 23, 9, 15, tzinfo=UTC))
    '2026-11-23 09:15:00Z'
    """
    return at.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")


def size(size_bytes: float) -> str:
    """Return a number of bytes in the unit that fits.

    >>> size(999), size(1_500_000)
    ('999 B', '1.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size_bytes) < 999.5:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.3g} TB"


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return text with what could steer a terminal or turn text around made visible.

    Newlines are kept only with lines; everything else that does not print is written out.

    >>> visible("a\x1b[2Jb\nc")
    'a\\x1b[2Jb\\nc'
    """
    if text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return "".join(
        sign if sign.isprintable() or sign in kept else _written_out(sign) for sign in text
    )


def _written_out(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
