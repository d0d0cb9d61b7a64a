#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Completions, asked for in the shells themselves; zsh and fish where they are installed.
. "$(dirname "$0")/helper"
PATH=$(dirname "$ELBO"):$PATH
mkdir -p folder/runs && touch folder/one.yaml folder/other.txt && cd folder || exit 1

run completion powershell
verdict 'another shell: status 2' [ "$status" = 2 ]
for shell in bash zsh fish; do
  run completion $shell
  mv out ../elbo.$shell
  if command -v $shell >/dev/null; then
    verdict "$shell reads it" sh -c "$shell -n ../elbo.$shell 2>&1 | cmp - /dev/null"
  else
    echo "skip $shell: not installed, so its completion was not tried"
  fi
done

rm -f err
# completed WORD...: what bash offers for the last word
completed() {
  bash -c '. ../elbo.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _elbo elbo "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
    printf "%s\n" "${COMPREPLY[@]}" | sort | tr "\n" " "' bash "$@"
}
# offers EXPECTED WORD...
offers() {
  expected=$1
  shift
  found=$(completed "$@")
  verdict "bash: $*" [ "$found" = "$expected" ]
  [ "$found" = "$expected" ] || echo "     found '$found'"
}
offers 'compare completion ' elbo com
offers 'batch ' elbo dist ba
offers 'check ' elbo plugin ch
offers '--jobs --json ' elbo sweep one.yaml --j
offers 'always auto never ' elbo train --color ''
offers 'one.yaml runs ' elbo train ''
offers 'runs ' elbo evaluate ''
offers 'one.yaml other.txt runs ' elbo data info ''
offers 'normal ' elbo dist norm
offers 'location_scale ' elbo plugin info location_
offers 'bash fish zsh ' elbo completion ''
if command -v fish >/dev/null; then
  found=$(HOME=$T fish --no-config -c 'source ../elbo.fish; complete -C "elbo sweep one.yaml --j"' | cut -f 1 | sort | tr '\n' ' ')
  verdict 'fish: elbo sweep one.yaml --j' [ "$found" = '--jobs --json ' ]
  found=$(HOME=$T fish --no-config -c 'source ../elbo.fish; complete -C "elbo plugin ch"' | cut -f 1 | tr '\n' ' ')
  verdict 'fish: elbo plugin ch' [ "$found" = 'check ' ]
fi
if command -v zsh >/dev/null; then
  cat >../ask.zsh <<'END'
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'autoload -U compinit; compinit -u -D; source ../elbo.zsh; PS1='
sleep 1
zpty -w -n z $'elbo sweep one.yaml --jo\t3 --dr\t END'
sleep 1
while zpty -r -t z text; do print -r -- "$text"; done
zpty -d z
END
  found=$(HOME=$T timeout 20 zsh -f ../ask.zsh 2>/dev/null)
  case $found in
  *--jobs*--dry-run*) ok 'zsh: elbo sweep one.yaml --jo, --dr' ;;
  *) fail "zsh: found '$found'" ;;
  esac
fi
cd ..
finish
