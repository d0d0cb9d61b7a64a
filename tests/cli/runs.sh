#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Training and what follows it, as a person at a shell sees it.
. "$(dirname "$0")/helper"

run train tiny.yaml
verdict 'train: status 0, nothing on standard error' [ "$status" = 0 -a ! -s err ]
verdict 'train: a line for every epoch' [ "$(grep -c '^epoch [12]/2  elbo ' out)" = 2 ]
verdict 'train: the held-out figure stands in it' [ "$(grep -c 'test elbo' out)" = 2 ]
verdict 'train: says where the run is and what to try next' grep -q 'elbo evaluate runs/tiny' out
verdict 'train: no progress line into a file' [ -z "$(grep "$(printf '\r')" out)" ]
refused 'a run that exists is refused' 7 --resume train tiny.yaml --quiet --json
run train tiny.yaml -q -o quiet
verdict 'train --quiet: silent' [ "$status" = 0 -a ! -s out -a ! -s err ]
verdict 'train: same seed, same bits' \
  same_tensors runs/tiny/checkpoint.safetensors quiet/checkpoint.safetensors
run train tiny.yaml -q -o other --seed 2
different_tensors() { ! same_tensors "$@"; }
verdict 'train --seed: other seed, other bits' \
  different_tensors runs/tiny/checkpoint.safetensors other/checkpoint.safetensors
run train tiny.yaml -q -o longer --epochs 3
verdict 'train --epochs' [ "$(grep -c '"split"' longer/metrics.jsonl)" -ge 3 ]
run train tiny.yaml -q -o onward --init-from runs/tiny --set train.epochs=1
verdict 'train --init-from' [ "$status" = 0 -a -s onward/checkpoint.safetensors ]

run evaluate runs/tiny --samples 2
verdict 'evaluate: a table' [ "$status" = 0 -a "$(grep -c '^ELBO' out)" = 1 -a ! -s err ]
refused 'evaluate: no such run' 2 'nowhere: no such directory' evaluate nowhere
run sample runs/tiny/ -n 9
verdict 'sample: prints the path' [ "$(cat out)" = runs/tiny/samples.png ]
refused 'sample: an ending that is none of ours' 2 s.jpg sample runs/tiny -o s.jpg
run train plane.yaml -q
run sample runs/plane -n 9
verdict 'sample: numbers become an array' [ "$(cat out)" = runs/plane/samples.npy ]
run train plane.yaml -q -o pinwheel --set data.x.builtin=pinwheel
run sample pinwheel -n 9
verdict 'sample: two numbers become points' [ "$(cat out)" = pinwheel/samples.svg ]

cat >signals.py <<'END'
import os, signal, subprocess, sys, time
elbo, name, twice = sys.argv[1], sys.argv[2], sys.argv[2] == 'twice'
p = subprocess.Popen([elbo, 'train', 'tiny.yaml', '-o', 'stop' + name, '--epochs', '1000000'],
                     stdout=subprocess.DEVNULL, stderr=open('err', 'w'))
deadline = time.time() + 30
checkpoint = 'stop' + name + '/checkpoint.safetensors'
while time.time() < deadline and not os.path.exists(checkpoint): time.sleep(0.05)
if twice:  # both wait until the program goes on: the second comes before it can act on the first
    for s in signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT: p.send_signal(s)
else:
    p.send_signal(getattr(signal, name))
sys.exit(p.wait(30))
END
for pair in SIGINT:130 SIGTERM:143; do
  name=${pair%:*} expected=${pair#*:} status=0
  python3 signals.py "$ELBO" "$name" || status=$?
  verdict "$name: status $expected" [ "$status" = "$expected" ]
  verdict "$name: saved" [ -s "stop$name/checkpoint.safetensors" ]
  verdict "$name: a message with the advice" grep -q 'elbo: train: stopped by .*--resume' err
  verdict "$name: no other message" [ "$(wc -l <err)" = 1 ]
done

status=0
python3 signals.py "$ELBO" twice || status=$?
verdict 'two signals: quits at once' [ "$status" = 130 -o "$status" = 143 ]
verdict 'two signals: without a word' [ ! -s err ]
run evaluate stoptwice --samples 1 --quiet
verdict 'two signals: the last checkpoint is whole' [ "$status" = 0 ]

# On a terminal there is a progress line; TERM=dumb, NO_COLOR and --color are obeyed.
cat >terminal.py <<'END'
import os, pty, sys
def read(fd):
    try: return os.read(fd, 4096)
    except OSError: return b''
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
text = b''
while (part := read(fd)): text += part
sys.stdout.buffer.write(text)
END
terminal() { python3 terminal.py "$ELBO" "$@" >out </dev/null; }
esc=$(printf '\033')
TERM=xterm terminal train tiny.yaml -o t1 --epochs 300
verdict 'a terminal: progress line' grep -q 'left' out
TERM=dumb terminal train tiny.yaml -o t2 --epochs 3
verdict 'TERM=dumb: no control characters' [ -z "$(grep "$esc" out)" ]
TERM=xterm terminal help train
verdict 'a terminal: colour' grep -q "$esc" out
TERM=xterm NO_COLOR=1 terminal help train
verdict 'NO_COLOR' [ -z "$(grep "$esc" out)" ]
TERM=xterm terminal help train --color never
verdict '--color never' [ -z "$(grep "$esc" out)" ]
finish
