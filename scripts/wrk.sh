#!/bin/sh
# Make sure that there is wrk, which the serving benchmark asks the servers with.
set -eu
command -v wrk >/dev/null && exit
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "wrk was not found." >&2
  echo "  Install it (Debian: apt-get install wrk), so that it is on PATH" >&2
  exit 1
fi
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends wrk >/dev/null
