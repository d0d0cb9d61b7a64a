#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# same_bits.sh ELBO threads|resume EXAMPLE.yaml: a run ends with the same checkpoint, bit for bit, with 1, 2 and 3 threads; and
# trained in two sittings, or interrupted in mid-epoch and resumed.
set -u
elbo=$(realpath "$1") what=$2 example=$3
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
cd "$T" || exit 1
failed=0
train() {
  timeout 100 "$elbo" train "$example" -q --set data.limit=1030 --set data.x.test_rows=100 \
    --set optimizer.schedule=constant "$@" >out 2>&1 || {
    echo "FAIL train $*: status $?: $(cat out)"
    exit 1
  }
}
# The whole file; where it differs, whether it is the numbers or what is said about them.
same() {
  if cmp "$2/checkpoint.safetensors" "$3/checkpoint.safetensors"; then
    echo "ok   $1"
    return
  fi
  failed=1
  python3 - "$1" "$2/checkpoint.safetensors" "$3/checkpoint.safetensors" <<'PYTHON'
import json, sys
def parts(path):
    data = open(path, 'rb').read()
    n = int.from_bytes(data[:8], 'little')
    return json.loads(data[8:8 + n]), data[8 + n:]
(a, x), (b, y) = parts(sys.argv[2]), parts(sys.argv[3])
print('FAIL %s: the tensors %s' % (sys.argv[1], 'are the same' if x == y else 'differ'))
for key in sorted(set(a['__metadata__']) | set(b['__metadata__'])):
    if a['__metadata__'].get(key) != b['__metadata__'].get(key):
        print('     %s: %s, %s' % (key, a['__metadata__'].get(key), b['__metadata__'].get(key)))
PYTHON
}
case $what in
threads)
  for n in 1 2 3; do train --epochs 2 --threads $n -o "t$n"; done
  same '1 and 2 threads' t1 t2
  same '1 and 3 threads' t1 t3
  train --epochs 2 --seed 2 -o other
  if cmp -s t1/checkpoint.safetensors other/checkpoint.safetensors; then
    echo 'FAIL another seed: the same bits'
    failed=1
  fi
  ;;
resume)
  train --epochs 3 -o whole
  train --epochs 1 -o parts
  train --epochs 3 -o parts --resume
  same '3 epochs and 1 + 2' whole parts
  # The same lines, but for times.
  strip() { sed 's/"seconds":[^,}]*//; s/"rows_per_second":[^,}]*//' "$1/metrics.jsonl"; }
  strip whole >a
  strip parts >b
  if cmp a b; then echo 'ok   the metrics'; else echo 'FAIL the metrics differ'; failed=1; fi
  # Stopped after the first epoch, at whatever step the signal finds it.
  set -- --set data.limit=2000 --set data.x.test_rows=100 --epochs 8 --set optimizer.schedule=constant
  timeout 100 "$elbo" train "$example" -q "$@" -o cut >out 2>&1 &
  pid=$!
  while [ ! -s cut/metrics.jsonl ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  kill -TERM "$pid"
  wait "$pid"
  status=$?
  if [ "$status" != 143 ]; then
    echo "FAIL stopped: status $status, expected 143: $(cat out)"
    failed=1
  fi
  train "$@" -o cut --resume
  train "$@" -o full
  same 'stopped and --resume' full cut
  strip full >a
  strip cut >b
  if cmp a b; then echo 'ok   the metrics of the epoch cut in two'; else echo 'FAIL the metrics differ'; failed=1; fi
  ;;
esac
exit "$failed"
