#!/bin/sh
# Install the built wheel alone and with each of its extras, at the lowest and at the highest
# versions that it allows, import all of it and walk the smallest journey. With WHOLE=1 also run the
# tests that [tool.trueup.extras] of pyproject.toml names for each (make study NAME=extras):
# scripts/extras.sh [REPORTS [EXTRA...]]. Reports for a count of tests go to the folder REPORTS.
set -eu
cd "$(dirname "$0")/.."
reports=${1:-.build/reports}
[ $# -eq 0 ] || shift
scripts/wheel.sh test
uv=$PWD/.build/venv-uv/bin/uv
python=$PWD/.build/venv-test/bin/python
wheel=$(ls "$PWD"/.build/dist/*.whl)
export UV_COMPILE_BYTECODE=1 UV_NO_PROGRESS=1

table() { # one line an extra, base first: its name, and the tests it must pass
  "$python" -c '
import sys, tomllib
file = tomllib.load(open("pyproject.toml", "rb"))
tests = file["tool"]["trueup"]["extras"]
names = ["base", *file["project"].get("optional-dependencies", {})]
for name in sys.argv[1:] or names:
    if name not in tests:
        sys.exit(f"pyproject.toml names no tests for the extra {name}: [tool.trueup.extras]")
    print(name, *tests[name])' "$@"
}

check() { # check EXTRA RESOLUTION TESTS...
  extra=$1 resolution=$2 where=$PWD/.build/venv-extra
  shift 2
  wanted=trueup
  [ "$extra" = base ] || wanted="trueup[$extra]"
  "$uv" venv --quiet --clear --python "$python" "$where"
  "$uv" pip install --quiet --python "$where/bin/python" --resolution "$resolution" "$wanted @ file://$wheel"
  "$where/bin/python" scripts/smallest_journey.py
  echo "$wanted at its $resolution versions: imported, and the smallest journey walked"
  [ -n "${WHOLE:-}" ] || return 0
  # what the tests themselves need must not replace what was just chosen
  "$uv" pip freeze --quiet --python "$where/bin/python" --exclude trueup >.build/chosen.txt
  "$uv" pip install --quiet --python "$where/bin/python" --constraints .build/chosen.txt \
    hypothesis pytest pytest-timeout pytest-xdist
  printf '\n== %s at its %s versions\n' "$wanted" "$resolution"
  PATH=$where/bin:$PATH TRUEUP_TEST_WHEEL=1 TRUEUP_CI_STRICT=0 "$where/bin/pytest" -q -n 2 \
    --dist worksteal --timeout 600 -m "not slow and not s3 and not oracle and not torch" \
    --junitxml "$reports/extra-$extra-$resolution.xml" "$@" </dev/null
}

table "$@" >.build/extras.txt
while read -r extra tests; do
  for resolution in lowest-direct highest; do
    # shellcheck disable=SC2086 # several paths
    check "$extra" "$resolution" $tests
  done
done <.build/extras.txt
rm -rf .build/venv-extra .build/extras.txt .build/chosen.txt
