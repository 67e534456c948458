#!/bin/sh
# Opens reports in Chromium: scripts/browser-test.sh REPORT.html ...
# Installs Chromium with apt where it is missing and may be; says so and stops with 77 where it may not.
set -eu
if [ $# -eq 0 ]; then
  echo "usage: scripts/browser-test.sh REPORT.html ..." >&2
  exit 2
fi
here=$(cd "$(dirname "$0")/.." && pwd)
found=
for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
  if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
    found=$(command -v "$name")
    break
  fi
done
if [ -z "$found" ] && command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "installing Chromium with apt" >&2
  apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >&2 || true
  found=$(command -v chromium || true)
fi
if [ -z "$found" ]; then
  echo "no Chromium, and it cannot be installed here: install it, or set CHROMIUM to its path" >&2
  exit 77
fi
# Paths of reports are those of the caller.
count=$#
while [ "$count" -gt 0 ]; do
  case $1 in
    /*) report=$1 ;;
    *) report=$(pwd)/$1 ;;
  esac
  shift
  set -- "$@" "$report"
  count=$((count - 1))
done
cd "$here/crates/karvan-report/tests/browser"
[ -d node_modules/playwright-core ] && [ -d node_modules/axe-core ] || PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-audit --no-fund >&2
CHROMIUM=$found node report.test.mjs "$@"
