#!/bin/sh
# Run the programs of benchmarks/ or studies/: scripts/bench.sh benchmarks|studies [NAME [OPTION...]]
# Without a name all of them run, one after the other. REDUCED=1 asks for the sizes that fit into
# continuous integration. The peers stand in the same environment as the wheel.
set -eu
cd "$(dirname "$0")/.."
kind=$1
shift
if [ "$kind ${1:-}" = "studies extras" ]; then
  mkdir -p .build/reports
  WHOLE=1 exec scripts/extras.sh
fi
if [ ! -d "$kind" ]; then
  echo "There is no folder $kind/ yet" >&2
  exit 2
fi
prefix=bench
[ "$kind" = benchmarks ] || prefix=study
plain=$PATH
enter() { # enter NAME: the environment that a program runs in
  environment=bench                                                # the peers
  case $kind/$1 in
    benchmarks/serving*) environment=test ;;                       # models are trained and converted
    studies/*) environment=test ;;                                 # every extra
  esac
  case $kind/$1 in
    benchmarks/serving[-_]peers) # each server in an environment of its own, trueup's too
      scripts/env.sh peer-granian peer-fastapi peer-litserve peer-bentoml peer-mlserver peer-mlflow
      scripts/wheel.sh "$environment" serve
      ;;
    benchmarks/drift)
      [ -n "${REDUCED:-}" ] || scripts/env.sh evidently nannyml peer-alibi peer-deepchecks
      scripts/wheel.sh "$environment"
      ;;
    studies/drift[-_]peers)
      [ -n "${REDUCED:-}" ] || scripts/env.sh evidently nannyml
      scripts/wheel.sh "$environment"
      ;;
    *) scripts/wheel.sh "$environment" ;;
  esac
  PATH=$PWD/.build/venv-$environment/bin:$plain
  export PATH
}
if [ $# -gt 0 ]; then
  enter "$1"
  exec python -m "$kind" "$@" ${REDUCED:+--reduced}
fi
for program in "$kind/$prefix"_*.py; do
  name=$(basename "$program" .py)
  name=${name#"$prefix"_}
  case ${REDUCED:+reduced}/$name in # asked for by name only
    reduced/serving_peers | reduced/serving_soak) continue ;;
  esac
  printf '\n== %s: %s\n' "$kind" "$name"
  enter "$name"
  python -m "$kind" "$name" ${REDUCED:+--reduced}
done
