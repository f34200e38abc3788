"""One benchmark by its name: ``python -m benchmarks NAME [options]``; without a name, the list."""

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run ``bench_NAME.py`` with the options that follow the name."""
    here = Path(__file__).parent
    known = {path.stem.removeprefix("bench_"): path for path in sorted(here.glob("bench_*.py"))}
    name = sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else ""
    if name not in known:
        print("usage: python -m benchmarks NAME [options]", file=sys.stderr)
        for word, path in known.items():
            first = path.read_text("utf-8").split('"""')[1].splitlines()[0]
            print(f"  {word:10} {first}", file=sys.stderr)
        sys.exit(0 if name in ("", "-h", "--help") else 2)
    sys.argv = [f"benchmarks {name}", *sys.argv[2:]]
    runpy.run_path(str(known[name]), run_name="__main__")


if __name__ == "__main__":
    main()
