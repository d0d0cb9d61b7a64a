#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the tree and runs every test. The last line is "N passed, M failed" (", K skipped" may follow); the status is 1 if M > 0.
#   sh tests/run.sh              into build/, optimised
#   sh tests/run.sh --sanitize   into build-sanitize/, with the address and undefined-behaviour sanitizers
set -u
cd "$(dirname "$0")/.." || exit 1
build=build
options=
while [ $# -gt 0 ]; do
  case $1 in
  --sanitize)
    build=build-sanitize
    options='-Db_sanitize=address,undefined -Db_lundef=false --buildtype=debugoptimized'
    ;;
  *)
    echo "usage: sh tests/run.sh [--sanitize]" >&2
    exit 2
    ;;
  esac
  shift
done

# What a bare Debian 12 lacks.
packages='gcc libc6-dev meson ninja-build pkg-config python3 libgsl-dev libopenblas-dev check libyaml-dev libjansson-dev
  zlib1g-dev libpng-dev librandom123-dev'
missing=
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing="$missing $package"
done
if [ -n "$missing" ] && [ "$(id -u)" = 0 ]; then
  echo "installing:$missing"
  # shellcheck disable=SC2086 # they are words
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >/dev/null || {
    echo "the packages could not be installed:$missing" >&2
    exit 1
  }
elif [ -n "$missing" ]; then
  echo "not installed, and only root can:$missing" >&2
  echo "if the build below fails, run: apt-get install$missing" >&2
fi

words=$(mktemp) || exit 1
trap 'rm -f "$words"' EXIT
# shellcheck disable=SC2086 # options are words
{ meson setup "$build" $options && meson configure "$build" -Dtests=true && ninja -C "$build" all meson-test-prereq; } >"$words" 2>&1 || {
  cat "$words" >&2
  echo "the build failed" >&2
  echo "0 passed, 1 failed"
  exit 1
}
grep -A 5 -i 'warning:' "$words"

log=$build/meson-logs/testlog.json
rm -f "$log"
meson test -C "$build" --no-rebuild
# The one place that counts. A test counts as one, or, where its output closes with a line "N passed, M failed[, K skipped]", as
# those; a test that failed in any other way than by its lines counts as one more failure.
python3 - "$log" <<'END'
import json, re, sys
passed = failed = skipped = 0
try:
    tests = [json.loads(line) for line in open(sys.argv[1])]
except OSError:
    tests = []
for test in tests:
    lines = test.get('stdout', '').strip().split('\n')
    found = re.fullmatch(r'(\d+) passed, (\d+) failed(?:, (\d+) skipped)?', lines[-1].strip())
    p, f, s = (int(n or 0) for n in found.groups()) if found else (0, 0, 0)
    good = test['result'] in ('OK', 'EXPECTEDFAIL')
    if test['result'] == 'SKIP':
        s += not s
        print('skipped: %s: %s' % (test['name'], lines[-1]))
    elif not good:
        f += not f
        print('failed: %s (%s)\n  %s' % (test['name'], test['result'], '\n  '.join(lines[-40:])))
        print('\n'.join('  ' + line for line in test.get('stderr', '').strip().split('\n')[-40:]))
    elif not found:
        p = 1
    passed, failed, skipped = passed + p, failed + f, skipped + s
failed += not tests
print('%d passed, %d failed' % (passed, failed) + (', %d skipped' % skipped if skipped else ''))
sys.exit(failed > 0)
END
