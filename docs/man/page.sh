#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# page.sh PROGRAM PAGE: scdoc's source of elbo(1) or elbo-experiment(5), or the keys in Markdown (PAGE experiments.md), from what
# the program itself prints from its tables: `elbo --help`, `elbo COMMAND --help`, `elbo help experiment`.
set -eu
elbo=$1 page=$2
NO_COLOR=1
export NO_COLOR

# What means something to scdoc is written with a backslash.
escape() { sed 's/[][\\*_#|~<>.`-]/\\&/g'; }

# A literal block: help is laid out in columns already.
literal() {
  echo '```'
  cat
  echo '```'
  echo
}

commands() {
  "$elbo" --help | awk '/^Commands$/ { on = 1; next } /^$/ { on = 0 } on' | sed 's/^  //' | awk '{
    n = split(substr($0, 1, 28), word)
    print ((n > 1 && word[2] ~ /^[a-z]+$/) ? word[1] " " word[2] : word[1]) }'
}

elbo_1() {
  cat <<'END'
elbo(1)

# NAME

elbo - auto-encoding variational Bayes, every distribution family a plugin

# SYNOPSIS

*elbo* _COMMAND_ [_ARGUMENT_] [_OPTION_]...

# DESCRIPTION

END
  "$elbo" --help | sed -n '/^elbo trains/,/^$/p' | escape
  echo
  echo '# COMMANDS'
  echo
  commands | while read -r name; do
    echo "## elbo $name" | escape | sed 's/^\\#\\#/##/'
    echo
    # shellcheck disable=SC2086 # a command may be two words
    "$elbo" help $name | literal
  done
  for part in Environment 'Exit status'; do
    echo "# $part" | tr '[:lower:]' '[:upper:]'
    echo
    "$elbo" --help | awk -v part="$part" '$0 == part { on = 1; next } /^$/ { on = 0 } on' | literal
  done
  echo '# SEE ALSO'
  echo
  echo '*elbo-experiment*(5), *elbo-plugin*(7)'
}

elbo_experiment_5() {
  cat <<'END'
elbo-experiment(5)

# NAME

elbo-experiment - an experiment of elbo: data, model, estimator, optimizer, training

# DESCRIPTION

An experiment is a file in YAML 1.1 (JSON is a part of it). Paths are relative to the file. Duplicate and unknown keys are errors with
line and column. Words in capitals stand for names that the file chooses.

# KEYS

END
  "$elbo" help experiment | sed 's/^\( *\)\([^ :]*\): /\1\2: /' | fold -s -w 96 | literal
  echo '# SEE ALSO'
  echo
  echo '*elbo*(1), *elbo-plugin*(7)'
}

# One section for each outermost key; below it a table: the path, what it takes, what it means.
experiments_md() {
  cat <<'END'
# Keys of an experiment file

An experiment is a file in YAML (JSON is a part of it); [examples](examples) holds whole ones. Paths are relative to the file. Duplicate and
unknown keys are errors with line and column and the nearest known key. `NAME` stands for a variable, `PARAMETER` for a parameter of the
variable's family (`elbo plugin info FAMILY`). Any key may be set from the command line by its path, `--set train.epochs=3`, where the value is
read as YAML, and varied by `elbo sweep --vary train.epochs=3,10`.

This page is written by `sh docs/man/page.sh build/elbo experiments.md` from the tables that read the file; a test holds that it is current.

| key | value | meaning |
|---|---|---|
END
  "$elbo" help experiment | awk '
    function cell(s) { gsub(/\|/, "\\|", s); return s }
    { match($0, /^ */); depth = RLENGTH / 2; line = substr($0, RLENGTH + 1) }
    depth <= group { group = 99 }
    line ~ /^and / { group = depth; next } # alternatives follow, and below each its constants
    {
      at = index(line, ": "); name[depth] = substr(line, 1, at - 1); rest = substr(line, at + 2)
      if (depth == group + 1) { choice = name[depth]; next }
      path = name[depth]
      for (i = (depth > group ? group : depth) - 1; i >= 0; i--) path = name[i] "." path
      cut = index(rest, " - ")
      dot = index(rest, ". ")
      if (cut) { form = substr(rest, 1, cut - 1); help = substr(rest, cut + 3) }
      else if (dot && rest ~ /^mapping/) { form = substr(rest, 1, dot - 1); help = substr(rest, dot + 2) }
      else { form = ""; help = rest }
      printf "| `%s` | %s | %s%s |\n", path, cell(form), (depth > group ? "with `" choice "`: " : ""), cell(help)
    }
    BEGIN { group = 99 }'
}

case $page in
elbo.1) elbo_1 ;;
elbo-experiment.5) elbo_experiment_5 ;;
experiments.md) experiments_md ;;
*) echo "usage: page.sh PROGRAM elbo.1|elbo-experiment.5|experiments.md" >&2 && exit 2 ;;
esac
