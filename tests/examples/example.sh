#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# example.sh ELBO EXAMPLE.yaml [FOLDER_OF_DATA]: trains an example on a slice and looks at what it leaves: every command that takes a
# run has to work on it. Without the folder it needs: status 77, skipped.
set -u
elbo=$(realpath "$1") example=$2 data=${3-}
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
set -- --set data.limit=500 --set train.batch_size=50
if [ -n "$data" ]; then
  [ -d "$data" ] || {
    echo "skipped: there is no folder $data (build option data_dir)"
    exit 77
  }
  set -- "$@" --set "data.root=$data"
fi
cd "$T" || exit 1
failed=0
step() {
  name=$1
  shift
  if "$@" >result 2>err; then
    echo "ok   $name"
  else
    echo "FAIL $name: status $?: $(cat err)"
    failed=1
  fi
}
# finite KEY KEY: the JSON that the last program printed holds a finite number there
finite() {
  python3 -c 'import json, math, sys
r = json.load(open("printed"))
assert math.isfinite(r[sys.argv[1]][sys.argv[2]]), r' "$@"
}
run() { timeout 100 "$elbo" "$@" >printed; }
step check run check "$example" "$@"
step train run train "$example" "$@" --epochs 1 -o run --json
step 'train: a finite ELBO' finite elbo train
step 'train: the picture of the curves' [ -s run/curves.svg ]
step evaluate run evaluate run --samples 2 --json
step 'evaluate: a finite ELBO' finite elbo mean
step 'evaluate: a finite log likelihood' finite log_likelihood mean
step sample run sample run -n 9 -o samples.npy
step 'sample: 9 rows' python3 -c 'assert b"(9, " in open("samples.npy", "rb").read(128)'
step reconstruct run reconstruct run -n 4 -o reconstructions.npy
step 'reconstruct: 8 rows' python3 -c 'assert b"(8, " in open("reconstructions.npy", "rb").read(128)'
# Numbers that sum to 1 can't be moved one by one, and the refusal says so.
refused() { run "$@" 2>refusal; [ $? = 2 ] && grep -q 'sum to 1' refusal; }
if grep -q 'z: {family: dirichlet' "$example"; then
  step 'traverse: refused' refused traverse run --side 3 -o traverse.npy
else
  step traverse run traverse run --side 3 -o traverse.npy
fi
step 'resolved experiment: trains again to the same bits' run train run/experiment.yaml --epochs 1 -o again
step 'the same bits' cmp run/checkpoint.safetensors again/checkpoint.safetensors
exit "$failed"
