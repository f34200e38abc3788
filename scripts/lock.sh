#!/bin/sh
# Write the locks anew: scripts/lock.sh [--upgrade] [NAME...]; without names, all of them.
# One hashed requirements file an environment, valid on every platform and Python that trueup supports.
set -eu
cd "$(dirname "$0")/.."
scripts/env.sh
uv=$PWD/.build/venv-uv/bin/uv

upgrade=
if [ "${1:-}" = --upgrade ]; then
  upgrade=--upgrade
  shift
fi

compile() { # compile NAME ARGUMENTS...
  name=$1
  shift
  "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 \
    --custom-compile-command "scripts/lock.sh $name" $upgrade \
    --output-file "requirements/$name.txt" "$@"
}

[ $# -gt 0 ] || set -- uv build test dev $(cd requirements && ls ./*.in | sed 's|^\./||; s|\.in$||')
for name in "$@"; do
  case $name in
    uv) echo "uv" | compile uv - ;;
    build) echo "hatchling" | compile build - ;;
    test) compile test pyproject.toml --group test ;;
    dev) compile dev pyproject.toml --group test --group check --constraints requirements/test.txt ;;
    *) compile "$name" "requirements/$name.in" ;;
  esac
done
