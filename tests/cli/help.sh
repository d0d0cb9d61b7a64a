#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Help and version: on standard output, status 0, with an example for every command.
. "$(dirname "$0")/helper"

run --version
verdict '--version: status 0' [ "$status" = 0 -a ! -s err ]
verdict '--version: one line' [ "$(cut -d ' ' -f 1 out)" = elbo -a "$(wc -l <out)" = 1 ]
for arguments in --help -h help; do
  run "$arguments"
  verdict "elbo $arguments" [ "$status" = 0 -a "$(head -c 6 out)" = usage: -a ! -s err ]
done
run --help
verdict 'exit statuses are told' grep -q '130, 143' out
verdict 'help fits into 100 columns' [ -z "$(awk 'length > 100' out)" ]

for command in train check evaluate gradient sample reconstruct traverse graph 'data info' \
  'bench step' 'bench load' 'bench family' 'bench scale' 'bench compare' 'plugin list' \
  'plugin info' doctor help; do
  run --help
  verdict "elbo --help names $command" grep -q "^  $command" out
  # shellcheck disable=SC2086 # a command may be two words
  run $command --help
  verdict "elbo $command --help" [ "$status" = 0 -a ! -s err ]
  verdict "elbo $command --help has an example" grep -q "^  elbo $command" out
  verdict "elbo $command --help fits into 100 columns" [ -z "$(awk 'length > 100' out)" ]
  cp out first
  # shellcheck disable=SC2086
  run help $command
  verdict "elbo help $command is the same" cmp -s first out
done
for command in train check gradient graph 'bench step' 'bench load' 'bench scale'; do
  # shellcheck disable=SC2086
  run $command --help
  for option in --set --plugin --trust-plugins --threads --json --quiet --color; do
    verdict "$command takes $option" grep -q -e " $option" out
  done
done
for command in evaluate sample reconstruct traverse; do
  run $command --help
  for option in --plugin --trust-plugins --threads --json --quiet --color; do
    verdict "$command takes $option" grep -q -e " $option" out
  done
done
run plugin --help
verdict 'elbo plugin --help' [ "$status" = 0 -a "$(grep -c '^  plugin ' out)" = 4 ]
run train --help extra --threads 2
verdict 'help wins over missing arguments' [ "$status" = 0 ]
run help experiment
verdict 'elbo help experiment' [ "$status" = 0 -a "$(grep -c learning_rate out)" -ge 1 ]
run help train --color=always
verdict '--color=always colours' grep -q "$(printf '\033')" out
run help train
verdict 'no colour into a file' [ -z "$(grep "$(printf '\033')" out)" ]
refused 'help: experiment, misspelt' 2 'elbo help experiment' help experimen
finish
