#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the tree and runs every test. The last line is "N passed, M failed" (", K skipped" may follow); the status is 1 if M > 0.
#   sh tests/run.sh                    into build/, optimised
#   sh tests/run.sh --sanitize         into build-sanitize/, with the address and undefined-behaviour sanitizers; then the executor's
#                                      tests into build-thread/, with the thread sanitizer
#   sh tests/run.sh --torture          as the first, with the long rows of faults in full: every n of each walk, 200 kills
#   sh tests/run.sh --coverage         into build-coverage/; prints the lines and branches of each room that ran
#   sh tests/run.sh --fuzz [SECONDS]   into build-fuzz/ (clang): each parser for so long (60), or ten million times, on inputs that
#                                      nobody wrote, with the address and undefined-behaviour sanitizers
#   sh tests/run.sh --fuzz-fast [SECONDS]  into build-fuzz-fast/: the same without sanitizers, ten times as many
set -u
cd "$(dirname "$0")/.." || exit 1
build=build options='' mode='' seconds=60 torture=false
sanitizers='-Db_lundef=false --buildtype=debugoptimized'
case ${1:-} in
'') ;;
--torture) mode=$1 torture=true ;;
--sanitize) mode=$1 build=build-sanitize options="-Db_sanitize=address,undefined $sanitizers" ;;
--coverage) mode=$1 build=build-coverage options='-Db_coverage=true --buildtype=debug' ;;
--fuzz) mode=fuzz build=build-fuzz seconds=${2:-60} options="-Dfuzz=true -Db_sanitize=address,undefined $sanitizers" ;;
--fuzz-fast) mode=fuzz build=build-fuzz-fast seconds=${2:-60} options='-Dfuzz=true --buildtype=debugoptimized' ;;
*) mode=wrong ;;
esac
if [ "$mode" = wrong ] || [ $# -gt 2 ] || { [ $# = 2 ] && [ "$mode" != fuzz ]; }; then
  echo "usage: sh tests/run.sh [--sanitize | --torture | --coverage | --fuzz [SECONDS] | --fuzz-fast [SECONDS]]" >&2
  exit 2
fi

# What a bare Debian 12 lacks.
packages='gcc libc6-dev meson ninja-build pkg-config python3 libgsl-dev libopenblas-dev check libyaml-dev libjansson-dev
  zlib1g-dev libpng-dev librandom123-dev scdoc'
[ "$mode" != fuzz ] || packages="$packages clang libclang-rt-14-dev"
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
# build_it FOLDER OPTIONS TARGETS: the build's own words only where they are of use.
build_it() {
  # shellcheck disable=SC2086 # options and targets are words
  { meson setup "$1" $2 && meson configure "$1" -Dtests=true -Dtorture=$torture && ninja -C "$1" $3; } >"$words" 2>&1 || {
    cat "$words" >&2
    echo "the build failed" >&2
    echo "0 passed, 1 failed"
    exit 1
  }
  grep -A 5 -i 'warning:' "$words"
}

if [ "$mode" = fuzz ]; then
  export CC=clang
  build_it "$build" "$options" fuzz
  exec sh tests/fuzz/fuzz.sh "$build" "$seconds"
fi
build_it "$build" "$options" 'all meson-test-prereq'
log=$build/meson-logs/testlog.json
rm -f "$log"
# Counts of an earlier state of the sources can't be added to.
[ "$mode" != --coverage ] || find "$build" -name '*.gcda' -exec rm -f {} +
slower=1
case $mode in --sanitize | --coverage) slower=4 ;; esac
meson test -C "$build" --no-rebuild -t $slower
logs=$log
if [ "$mode" = --sanitize ]; then
  build_it build-thread "-Db_sanitize=thread $sanitizers" 'all meson-test-prereq'
  # What runs on several threads: the pool, the executor, the trainer, and whole runs.
  meson test -C build-thread --no-rebuild -t $slower graph/pool graph/plan graph/ops infer/trainer threads
  logs="$logs build-thread/meson-logs/testlog.json"
elif [ "$mode" = --coverage ]; then
  python3 tests/coverage.py "$build"
fi
# The one place that counts. A test counts as one, or, where its output closes with a line "N passed, M failed[, K skipped]", as
# those; a test that failed in any other way than by its lines counts as one more failure.
# shellcheck disable=SC2086 # logs are words
python3 - $logs <<'END'
import json, re, sys
passed = failed = skipped = 0
tests = []
for log in sys.argv[1:]:
    try:
        tests += [json.loads(line) for line in open(log)]
    except OSError:
        failed += 1
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
