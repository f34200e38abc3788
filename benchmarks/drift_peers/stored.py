"""trueup with what is computed once a reference: ``keep REFERENCE FILE``, ``check FILE CURRENT``.

The reference is counted in 256 blocks and calibrated by resampling them; a current table is then
counted on its grid and checked as one window, as ``trueup monitor`` does with captures.
"""

import sys
from pathlib import Path

import msgspec

from trueup.monitoring.calibration.records import Plan, Threshold
from trueup.monitoring.references import decode_reference, encode_reference


def keep(table: str, file: str) -> None:
    """Count and calibrate a reference, and keep both."""
    from trueup.monitoring.calibration.calibrating import calibrate
    from trueup.monitoring.scanning.scan import scan_reference

    reference = scan_reference(table).reference
    threshold = calibrate(reference.cells(), Plan())
    kept = [encode_reference(reference), msgspec.msgpack.encode(threshold)]
    Path(file).write_bytes(msgspec.msgpack.encode(kept))


def check(file: str, table: str) -> None:
    """Count a table on the kept grid and check it against the kept threshold."""
    from trueup.monitoring import alarms
    from trueup.monitoring.scanning.blocking import BlockSize, like
    from trueup.monitoring.scanning.passes import Asked
    from trueup.monitoring.scanning.scan import scan_on

    bodies = msgspec.msgpack.decode(Path(file).read_bytes(), type=tuple[bytes, bytes])
    reference, threshold = decode_reference(bodies[0]), bodies[1]
    asked = Asked(blocks=like(reference, BlockSize()))
    cells = scan_on(reference.grid, table, asked).cells()
    found = alarms.check(msgspec.msgpack.decode(threshold, type=Threshold), cells)
    print(sum(one.drifted for one in found.findings))


if __name__ == "__main__":
    {"keep": keep, "check": check}[sys.argv[1]](*sys.argv[2:])
