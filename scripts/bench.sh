#!/bin/sh
# Run what benchmarks/ or studies/ holds: scripts/bench.sh benchmarks|studies [NAME]
# Each is a folder or file NAME with a program of its own; without NAME all of them run, one after
# the other. REDUCED=1 asks for the sizes that fit into continuous integration.
set -eu
cd "$(dirname "$0")/.."
kind=$1
wanted=${2:-}
scripts/wheel.sh bench
PATH=$PWD/.build/venv-bench/bin:$PATH
export PATH
found=
for program in "$kind"/bench_*.py "$kind"/study_*.py; do
  [ -f "$program" ] || continue
  name=$(basename "$program" .py)
  name=${name#bench_}
  name=${name#study_}
  if [ -z "$wanted" ] || [ "$wanted" = "$name" ]; then
    found=yes
    echo "== $kind/$name"
    python "$program" ${REDUCED:+--reduced}
  fi
done
if [ -z "$found" ] && [ -n "$wanted" ]; then
  echo "$kind/ has no $wanted; there are:" $(ls "$kind" 2>/dev/null) >&2
  exit 2
fi
