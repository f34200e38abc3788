#!/bin/sh
# Make sure that there is promtool, which checks the server's metrics; no service is started.
set -eu
cd "$(dirname "$0")/.."
if command -v promtool >/dev/null || [ -x .build/prometheus/usr/bin/promtool ]; then exit; fi
if ! command -v apt-get >/dev/null; then
  echo "promtool was not found." >&2
  echo "  Install Prometheus, so that promtool is on PATH" >&2
  exit 1
fi
mkdir -p .build/prometheus
cd .build/prometheus
[ "$(id -u)" -ne 0 ] || apt-get -qq update
apt-get -qq download prometheus 2>/dev/null
dpkg -x prometheus_*.deb .
rm prometheus_*.deb usr/bin/prometheus
