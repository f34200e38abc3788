#!/bin/sh
# Make a locked environment: scripts/env.sh NAME... puts requirements/NAME.txt
# (or the lock of the example NAME) into .build/venv-NAME.
# Needs only Python and its venv module; uv itself is installed from requirements/uv.txt first.
# The environment ends up holding exactly what the lock says, whatever was in it before.
set -eu
cd "$(dirname "$0")/.."
build=$PWD/.build

# Installed code is compiled once here, so that every later process starts quickly, also where
# PYTHONDONTWRITEBYTECODE is set.
export UV_COMPILE_BYTECODE=1 UV_NO_PROGRESS=1 UV_PYTHON_PREFERENCE="${UV_PYTHON_PREFERENCE:-system}"

runs() { "$1" -c "import sys, venv, ensurepip; sys.exit(sys.version_info < ($2))" >/dev/null 2>&1; }

first_python() { # the first interpreter of at least the given version that can make environments
  for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python3.14 python; do
    if runs "$candidate" "$1"; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

bootstrap_uv() {
  if [ -x "$build/venv-uv/bin/uv" ] && cmp -s requirements/uv.txt "$build/venv-uv/uv.txt"; then
    return
  fi
  # uv runs on older Pythons too, and finds or fetches a new enough one for everything else
  python=$(first_python "3, 11" || first_python "3, 8") || {
    echo "No Python with its venv module was found." >&2
    echo "  Install one (Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
  }
  rm -rf "$build/venv-uv"
  mkdir -p "$build"
  "$python" -m venv "$build/venv-uv"
  "$build/venv-uv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --require-hashes -r requirements/uv.txt
  cp requirements/uv.txt "$build/venv-uv/uv.txt"
}

# uv does not read pip's configuration; a machine that reaches packages through a mirror has it there
mirror() {
  if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
    index=${PIP_INDEX_URL:-$("$build/venv-uv/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
    if [ -n "$index" ]; then
      UV_DEFAULT_INDEX=$index
      export UV_DEFAULT_INDEX
    fi
  fi
}

bootstrap_uv
mirror
uv=$build/venv-uv/bin/uv
for name in "$@"; do
  lock=requirements/$name.txt
  [ -f "$lock" ] || lock=examples/$name/requirements.txt # an example brings its own
  where=$build/venv-$name
  if [ ! -f "$lock" ]; then
    echo "There is no environment called $name: neither requirements/$name.txt nor $lock is there" >&2
    exit 2
  fi
  if ! "$where/bin/python" -c "" 2>/dev/null; then
    "$uv" venv --quiet --clear --python "$(first_python "3, 11" || echo ">=3.11")" "$where"
  fi
  "$uv" pip sync --quiet --require-hashes --python "$where/bin/python" "$lock"
done
