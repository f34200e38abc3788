#!/bin/sh
# Make sure that programs of the same name as their Debian package are there: scripts/apt.sh NAME...
set -eu
for name in "$@"; do
  command -v "$name" >/dev/null && continue
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "$name was not found." >&2
    echo "  Install it (Debian: apt-get install $name), so that it is on PATH" >&2
    exit 1
  fi
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "$name" >/dev/null
done
