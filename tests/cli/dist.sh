#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Questions about distributions: a person's on the command line, and a program's a line.
. "$(dirname "$0")/helper"

# prints NAME TEXT ARGUMENT...: exactly that on standard output
prints() {
  label=$1 text=$2
  shift 2
  run "$@"
  verdict "$label" [ "$status:$(cat out)" = "0:$text" ]
}
prints 'a mean' 1 dist normal loc=1 scale=2 mean
prints 'a line for each value' "$(printf '0\n1')" dist bernoulli probs=0.5 icdf 0.25 0.75
prints 'a gradient' '{"loc":1,"scale":3}' dist normal loc=0 scale=1 pathwise 3
prints 'values below 0' "$(printf '0\n0.5')" dist bernoulli probs=0.5 cdf -- -1 0.5
prints 'a divergence' 0 dist normal loc=0 scale=1 kl normal loc=0 scale=1
run dist normal loc=0 scale=1 log_prob 0 --json
verdict 'as JSON' has_keys out value grad
refused 'a bad parameter' 2 'scale must be > 0' dist normal loc=0 scale=-1 mean
refused 'an unknown family' 2 'did you mean `gamma`' dist gama rate=1 mean
refused 'no question' 2 'no question' dist normal loc=0 scale=1
refused 'a quote' 2 'neither a name nor a number' dist 'nor"mal' mean

# batch NAME STATUS: answers of the file in
batch() {
  status=0
  timeout 60 "$ELBO" dist batch <in >out 2>err || status=$?
  verdict "$1: status $2" [ "$status" = "$2" ]
}
cat >in <<'END'
{"id":1,"family":"normal","params":{"loc":0,"scale":1},"op":"mean"}
{"id":"two","family":"normal","params":{"loc":0,"scale":-1},"op":"mean"}
oops

{"id":[4],"family":"normal","params":{"loc":0,"scale":1},"op":"icdf","u":1}
END
printf '{"id":5,"family":"bernoulli","params":{"probs":0},"op":"log_prob","x":0}' >>in
batch 'a bad line' 1
cat >expect.py <<'END'
import json
a = [json.loads(l) for l in open('out')]
assert [x['id'] for x in a] == [1, 'two', None, [4], 5], a
assert a[0]['value'] == 0 and a[3]['value'] == 'inf', a
assert a[1]['error']['code'] == 'domain' and a[2]['error']['code'] == 'syntax', a
assert a[4]['value'] == 0 and abs(a[4]['grad']['probs'] + 1) < 1e-14, a
END
verdict 'answers in order, the next line goes on' python3 expect.py
head -n 1 in >one && mv one in
batch 'good lines' 0
: >in
batch 'no line' 0
verdict 'no line: no answer' [ ! -s out ]
cat >talk.py <<'END'
import subprocess, sys
p = subprocess.Popen([sys.argv[1], 'dist', 'batch'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
for i in range(3):
    q = '{"id":%d,"family":"normal","params":{"loc":%d,"scale":1},"op":"mean"}\n' % (i, i)
    p.stdin.write(q.encode())
    p.stdin.flush()
    assert p.stdout.readline() == b'{"id":%d,"value":%d}\n' % (i, i)
p.stdin.close()
sys.exit(p.wait())
END
verdict 'an answer before the next question' timeout 60 python3 talk.py "$ELBO"
finish
