#!/bin/sh
# The main job, from raw data to a compared run, in a scratch copy of the flights example: make demo
# Every command is shown before it runs; the copy stays in .build/demo to be looked at and tried on.
set -eu
cd "$(dirname "$0")/.."
scripts/wheel.sh test
scripts/env.sh flights
# the stages' python is the example's own; trueup stands beside it, as a tool does
PATH=$PWD/.build/venv-flights/bin:$PWD/.build/venv-test/bin:$PATH
export PATH GIT_CONFIG_GLOBAL=/dev/null
rm -rf .build/demo
mkdir -p .build/demo
# what Git knows of the example, without anybody's results
git ls-files -z --cached --others --exclude-standard examples/flights | xargs -0 tar cf - | tar xf - -C .build/demo
mv .build/demo/examples/flights .build/demo/flights
rmdir .build/demo/examples
cd .build/demo/flights
said=../said.txt

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
show() { # print a command, run it, and keep what it said
  printf '\n$ %s\n' "$*"
  {
    "$@" 2>&1 || echo "demo: ended with exit code $?" >../failed.txt
  } | tee "$said"
  if [ -f ../failed.txt ]; then
    cat ../failed.txt >&2
    exit 1
  fi
}
expect() { # expect WORDS: the last command said so
  grep -q -- "$1" "$said" || {
    echo "demo: expected to read: $1" >&2
    exit 1
  }
}
commit() {
  git add --all
  git -c user.name=Ada -c user.email=ada@example.org commit --quiet --message "$1"
}

git init --quiet --initial-branch main
commit "The flights example"

say "The pipeline, as it is declared"
show trueup dag

say "Run it: the data, the features, a model, its metrics"
show trueup run
commit "The first model"
show cat metrics.json

say "Run it again: nothing has changed, and it says why nothing runs"
show trueup run --explain
expect "nothing changed: all 4 stages"
show trueup status

say "Change one parameter: only what depends on it runs again"
show trueup run --set train.max_iter=50
expect "2 unchanged, 2 ran"

say "What changed, and what came of it"
show trueup params diff
show trueup metrics diff
expect "roc_auc"
show trueup runs
show trueup compare last~1 last

printf '\nThe project of this demonstration lies in %s\n' "$PWD"
