#!/bin/sh
# Build the wheel and install it, not editable, beside the locked packages of each environment
# named: scripts/wheel.sh test bench. What is tested is what users get.
# scripts/wheel.sh --editable makes .venv with the checkout in place instead, for an editor.
set -eu
cd "$(dirname "$0")/.."
export UV_COMPILE_BYTECODE=1 UV_NO_PROGRESS=1

if [ "${1:-}" = --editable ]; then
  scripts/env.sh dev
  uv=$PWD/.build/venv-uv/bin/uv
  [ -x .venv/bin/python ] || "$uv" venv --quiet --python .build/venv-dev/bin/python .venv
  "$uv" pip install --quiet --require-hashes --python .venv/bin/python -r requirements/dev.txt
  "$uv" pip install --quiet --no-deps --python .venv/bin/python \
    --build-constraints requirements/build.txt --editable .
  exit
fi

scripts/env.sh "$@"
uv=$PWD/.build/venv-uv/bin/uv
rm -rf .build/dist
"$uv" build --quiet --wheel --out-dir .build/dist --python ".build/venv-$1/bin/python" \
  --build-constraints requirements/build.txt --require-hashes
for name in "$@"; do
  "$uv" pip install --quiet --no-deps --reinstall --python ".build/venv-$name/bin/python" .build/dist/*.whl
done
