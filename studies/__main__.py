"""One study by its name: ``python -m studies NAME [options]``; without a name, the list."""

import runpy
import sys
from pathlib import Path

KNOWN = {
    path.stem.removeprefix("study_"): path for path in Path(__file__).parent.glob("study_*.py")
}

if __name__ == "__main__":
    name = sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else ""
    if name not in KNOWN:
        print("usage: python -m studies NAME [options]", *sorted(KNOWN), sep="\n  ")
        sys.exit(0 if name in ("", "-h", "--help") else 2)
    sys.argv = [f"studies {name}", *sys.argv[2:]]
    runpy.run_path(str(KNOWN[name]), run_name="__main__")
