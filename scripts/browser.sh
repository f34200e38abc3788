#!/bin/sh
# Make sure that there is a browser, in which tests open pages: Chromium or Chrome.
set -eu
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" >/dev/null; then
    exit
  fi
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "No browser was found." >&2
  echo "  Install Chromium or Chrome (Debian: apt-get install chromium), so that it is on PATH" >&2
  exit 1
fi
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends chromium >/dev/null
