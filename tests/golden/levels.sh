#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# levels.sh ELBO GOLDEN: replayed training steps with the loops of lower CPUs, which no machine with AVX-512 would run otherwise.
# That the level is in force is looked at, lest a variable that is no longer read lets this pass.
elbo=$1 golden=$2 passed=0 failed=0
highest=$("$elbo" doctor | sed -n 's/^cpu kernels: //p')
for name in baseline avx2; do
  [ "$name" = avx2 ] && [ "$highest" = baseline ] && continue
  export ELBO_CPU_LEVEL="$name"
  if ! "$elbo" doctor | grep -qx "cpu kernels: $name"; then
    echo "failed: ELBO_CPU_LEVEL=$ELBO_CPU_LEVEL: expected $name kernels, found: $("$elbo" doctor | grep '^cpu kernels')"
    failed=$((failed + 1))
  elif ! python3 "$golden/compare_steps.py" --elbo "$elbo" "$golden/steps"; then
    echo "failed: the steps with $name kernels"
    failed=$((failed + 1))
  else
    passed=$((passed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
