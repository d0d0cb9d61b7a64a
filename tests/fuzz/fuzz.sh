#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the fuzz targets of a build with -Dfuzz=true, one after the other: fuzz.sh BUILD SECONDS [TARGET ..]
# What is learned stays in BUILD/fuzz/NAME and is where the next run begins; a finding lies in BUILD/findings. To keep what is new in the
# tree: BUILD/tests/fuzz/fuzz_NAME -merge=1 tests/fuzz/corpus/NAME BUILD/fuzz/NAME.
# The bounds are those of the contract: five seconds an input, and no allocation beyond the size of the file (at most 2 KB here) and 64 MB.
set -u
build=$1 seconds=$2
shift 2
tests=$(dirname "$0")
[ $# -gt 0 ] || set -- $(cd "$tests/corpus" && ls)
passed=0 failed=0
mkdir -p "$build/findings"
# Fewer frames kept for each allocation: a third more executions.
export ASAN_OPTIONS="${ASAN_OPTIONS:-malloc_context_size=4}"
for name in "$@"; do
  mkdir -p "$build/fuzz/$name"
  log=$build/fuzz/$name.log
  if "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -runs=10000000 -timeout=5 -malloc_limit_mb=65 -max_len=2048 -entropic=0 \
      -print_final_stats=1 -artifact_prefix="$build/findings/$name-" "$build/fuzz/$name" "$tests/corpus/$name" >"$log" 2>&1; then
    passed=$((passed + 1)) word='ok  '
  else
    failed=$((failed + 1)) word=FAIL
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  total=$((${runs:-0} + $(cat "$build/fuzz/$name.total" 2>/dev/null || echo 0)))
  echo "$total" >"$build/fuzz/$name.total"
  echo "$word $name: ${runs:-no} executions, $total with those of earlier runs"
  [ "$word" = 'ok  ' ] || grep -E -A 12 'ERROR|SUMMARY|promise|runtime error|finding' "$log" | head -40
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
