"""Add up the tests of all reports in a folder, and fail where one failed or none ran."""

import sys
from pathlib import Path
from xml.etree.ElementTree import parse


def main() -> int:
    """Print one line such as ``ci: 812 passed, 0 failed, 3 skipped``."""
    suites = [
        suite
        for report in sorted(Path(sys.argv[1]).glob("*.xml"))
        for suite in parse(report).getroot().iter("testsuite")  # noqa: S314 # our own pytest wrote it
    ]
    tests, failed, skipped = (
        sum(int(suite.get(name, "0")) for suite in suites for name in names)
        for names in (("tests",), ("failures", "errors"), ("skipped",))
    )
    passed = tests - failed - skipped
    print(f"ci: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
