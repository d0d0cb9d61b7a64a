#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Results that can't be written: one message, status 7; no opened file gets a descriptor 0 to 2.
. "$(dirname "$0")/helper"

one_message() { [ "$status $(wc -l <err)" = '7 1' ] && grep -q '^elbo: standard output: ' err; }

for arguments in --help --version 'plugin list' doctor 'check tiny.yaml' \
  'data info builtin:digits --json'; do
  status=0
  # shellcheck disable=SC2086 # the arguments are words
  timeout 60 "$ELBO" $arguments >/dev/full 2>err </dev/null || status=$?
  verdict "full disk: elbo $arguments" one_message
  status=0
  # shellcheck disable=SC2086
  timeout 60 "$ELBO" $arguments >&- 2>err </dev/null || status=$?
  verdict "closed standard output: elbo $arguments" one_message
  status=0
  # shellcheck disable=SC2086
  timeout 60 "$ELBO" $arguments >out 2>&- </dev/null || status=$?
  verdict "closed standard error: elbo $arguments" [ "$status" = 0 -a -s out ]
done

status=0
timeout 60 "$ELBO" train tiny.yaml --nonsense >/dev/full 2>err || status=$?
verdict 'an error keeps its status on a full disk' [ "$status" = 2 -a "$(wc -l <err)" = 1 ]

# A run whose reader has gone is trained to its end; a write to nobody is told at the end.
cat >reader.py <<'END'
import subprocess, sys
p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=open('err', 'w'))
p.stdout.close()
sys.exit(p.wait(60))
END
status=0
python3 reader.py "$ELBO" train tiny.yaml -o gone || status=$?
verdict 'reader gone: status 7' [ "$status" = 7 ]
verdict 'reader gone: a checkpoint' [ -s gone/checkpoint.safetensors ]
verdict 'reader gone: the run is complete' [ -s gone/summary.json ]

# With all three closed every opened file must get a higher descriptor: nothing is written into it.
status=0
timeout 60 "$ELBO" train tiny.yaml -o closed <&- >&- 2>&- || status=$?
verdict 'all three closed: status 7' [ "$status" = 7 ]
verdict 'all three closed: the same checkpoint' \
  same_tensors gone/checkpoint.safetensors closed/checkpoint.safetensors
finish
