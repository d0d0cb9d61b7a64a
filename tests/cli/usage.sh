#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Usage errors: status 2, one message that says what was found, what was expected, and what to do.
. "$(dirname "$0")/helper"

run
verdict 'no command: short help on standard error, status 2' \
  [ "$status" = 2 -a ! -s out -a "$(head -c 6 err)" = usage: ]

while IFS='|' read -r name words arguments; do
  # shellcheck disable=SC2086 # the arguments are words
  refused "$name" 2 "$words" $arguments
done <<'END'
unknown command, the nearest named|elbo train|trian
unknown command, none near|elbo --help|xylophone
option before the command|options follow it|--quiet train tiny.yaml
group without a second word|second word|plugin
group with a wrong second word|plugin list|plugin lst
misspelt group|plugin list|plugn list
missing argument|expected EXP|train
extra argument|extra argument "more"|train tiny.yaml more
extra argument where none is taken|expected no argument|doctor more
unknown long option, the nearest named|--json|train tiny.yaml --jsno
unknown long option, none near|--help|train tiny.yaml --xylophone
unknown short option|-x|train tiny.yaml -x
ambiguous option|--trust-plugins, --threads|train tiny.yaml --t 2
option without its value|expected a value (N)|train tiny.yaml --threads
short option without its value|expected a value (RUN)|train tiny.yaml -o
value for an option that takes none|takes no value|train tiny.yaml --json=1
option of another command|unknown option|sample run --set a=b
one step beside nothing|expected two experiments|bench compare tiny.yaml
no list of threads|as in 1,2|bench compare tiny.yaml --threads 1,,2
threads 0|from 1 to 1024, found "0"|train tiny.yaml --threads=0
threads a million|from 1 to 1024, found "1000000"|train tiny.yaml --threads 1000000
threads negative|found "-1"|train tiny.yaml --threads -1
seed a word|found "abc"|train tiny.yaml --seed=abc
seed with a tail|found "1x"|train tiny.yaml --seed=1x
seed empty|found ""|train tiny.yaml --seed=
seed of 2^64|found "18446744073709551616"|train tiny.yaml --seed 18446744073709551616
epochs 0|--epochs|train tiny.yaml --epochs 0
count 0|--count|sample run -n 0
side 1|--side|traverse run --side 1
one latent|two different numbers|traverse run --latents 0
the same latent twice|two different numbers|traverse run --latents 1,1
latents with a tail|two different numbers|traverse run --latents 0,1,2
resume and init-from|give one of them|train tiny.yaml --resume --init-from run
required option missing|--replay FILE|gradient tiny.yaml -o out.st
help on an unknown command|elbo train|help trian
help with an extra argument|unexpected argument "more"|help train more
END
refused 'colour of another name' 2 'one of auto|always|never' train tiny.yaml --color=red

long=$(head -c 131000 /dev/zero | tr '\0' a)
refused 'a value of 128 KB' 2 '(cut)' train tiny.yaml --seed "$long"
verdict 'a value of 128 KB: short message' [ "$(wc -c <err)" -lt 300 ]
refused 'a command of 128 KB' 2 '(cut)' "$long"
refused 'an option of 128 KB' 2 '(cut)' train tiny.yaml "--$long"
refused 'a path of 128 KB' 2 'elbo: ' check "$long"
POSIXLY_CORRECT=1 refused 'options may follow arguments, POSIXLY_CORRECT too' 2 'found "0"' \
  train tiny.yaml --threads 0
refused 'after -- a word is no option' 2 '--json' check -- --json
finish
