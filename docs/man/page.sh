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

commands() {
  "$elbo" --help | awk '/^Commands$/ { on = 1; next } /^$/ { on = 0 } on' | sed 's/^  //' | awk '/^ / { next } {
    n = split(substr($0, 1, 24), word)
    print ((n > 1 && word[2] ~ /^[a-z]+$/) ? word[1] " " word[2] : word[1]) }'
}

# Options that many commands have stand once, in a section of their own.
common='plugin trust-plugins check-plugins threads json quiet color help'

# `elbo help COMMAND` laid out in columns -> paragraphs that man fills to the width it has.
command_page() {
  awk -v common=" $common " '
    function escaped(s) { gsub(/[][\\*_#|~<>.`-]/, "\\\\&", s); return s }
    function flush() {
      if (left) {
        word = left
        sub(/^-., */, "", word)
        sub(/^ *--/, "", word)
        sub(/[ =].*/, "", word)
        if (index(common, " " word " ")) shared = shared (shared ? ", " : "") "--" word
        else printf "*%s*\n\t%s\n\n", escaped(left), escaped(right)
      } else if (right) printf "%s\n\n", escaped(right)
      left = right = ""
    }
    # A command is broken where a blank stands, so that man has it in 80 columns.
    function show(s,  n) {
      for (n = 66; length(s) > 68 && n > 20; n--)
        if (substr(s, n, 2) == " -") { print substr(s, 1, n) "\\\\"; s = "    " substr(s, n + 1); n = 66 }
      print s
    }
    /^usage: / { sub(/^usage: /, ""); printf "*%s*\n\n", escaped($0); next }
    /^Options$/ { options = 1; next }
    /^Commands$/ { exit } # each has a part of its own
    /^Example:$/ { flush(); options = 0; print "```"; literal = 1; next }
    literal { sub(/^  /, ""); gsub(/\\/, "\\\\\\\\"); show($0); next }
    /^$/ { if (options && shared) options = 0; flush(); next }
    options && substr($0, 1, 35) !~ /[^ ]/ { sub(/^ */, ""); right = right " " $0; next }
    options { flush(); left = substr($0, 1, 34); right = substr($0, 36)
      sub(/^ */, "", left); sub(/ *$/, "", left); next }
    { sub(/^elbo [a-z ]*: /, ""); right = right (right ? " " : "") $0 }
    END {
      if (!literal) flush()
      else printf "```\n\n"
      if (shared) printf "Also %s: see COMMON OPTIONS.\n\n", escaped(shared)
    }'
}

common_options() {
  for name in check encode; do "$elbo" help $name; done | awk -v common="$common" '
    function escaped(s) { gsub(/[][\\*_#|~<>.`-]/, "\\\\&", s); return s }
    function flush() { if (left) printf "*%s*\n\t%s\n\n", escaped(left), escaped(right); left = "" }
    BEGIN { n = split(common, word, " "); for (i = 1; i <= n; i++) wanted["--" word[i]] = 1 }
    left && substr($0, 1, 35) !~ /[^ ]/ { sub(/^ */, ""); right = right ($0 ? " " : "") $0; next }
    { flush() }
    /^ *(-., )? *--/ {
      name = substr($0, 1, 34); sub(/^ */, "", name); sub(/ *$/, "", name)
      shown = name; sub(/^-., */, "", name); sub(/ .*/, "", name)
      if (!wanted[name]) next
      delete wanted[name]; left = shown; right = substr($0, 36)
    }'
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
    "$elbo" help $name | command_page
  done
  echo '# COMMON OPTIONS'
  echo
  common_options
  for part in Environment 'Exit status'; do
    echo "# $part" | tr '[:lower:]' '[:upper:]'
    echo
    "$elbo" --help | awk -v part="$part" '
      function escaped(s) { gsub(/[][\\*_#|~<>.`-]/, "\\\\&", s); return s }
      $0 == part { on = 1; next }
      /^$/ { on = 0 }
      on { at = match($0, /[^ ]  +[^ ]/); printf "*%s*\n\t%s\n\n", escaped(substr($0, 3, at - 2)),
           escaped(substr($0, at + RLENGTH - 1)) }'
  done
  echo '# SEE ALSO'
  echo
  echo '*elbo-experiment*(5), *elbo-plugin*(7)'
}

# A line for each key: path, what it takes, what it means, an example; parted by tabs.
keys() {
  "$elbo" help experiment | awk '
    { match($0, /^ */); depth = RLENGTH / 2; line = substr($0, RLENGTH + 1) }
    depth <= group { group = 99 }
    line ~ /^and / { group = depth; next } # alternatives follow, and below each its constants
    {
      at = index(line, ": "); name[depth] = substr(line, 1, at - 1); rest = substr(line, at + 2)
      if (depth == group + 1) { choice = name[depth]; next }
      path = name[depth]
      for (i = (depth > group ? group : depth) - 1; i >= 0; i--) path = name[i] "." path
      example = ""
      cut = index(rest, ", as in `")
      if (cut) { example = substr(rest, cut + 9); sub(/`$/, "", example); rest = substr(rest, 1, cut - 1) }
      cut = index(rest, " - ")
      dot = index(rest, ". ")
      if (cut) { form = substr(rest, 1, cut - 1); help = substr(rest, cut + 3) }
      else if (dot && rest ~ /^mapping/) { form = substr(rest, 1, dot - 1); help = substr(rest, dot + 2) }
      else { form = ""; help = rest }
      printf "%s\t%s\t%s%s\t%s\n", path, form, (depth > group ? "with `" choice "`: " : ""), help, example
    }
    BEGIN { group = 99 }'
}

elbo_experiment_5() {
  cat <<'END'
elbo-experiment(5)

# NAME

elbo-experiment - an experiment of elbo: data, model, estimator, optimizer, training

# DESCRIPTION

An experiment is a file in YAML 1.1 (JSON is a part of it). Paths are relative to the file. Duplicate and unknown keys are errors with
line and column. Words in capitals stand for names that the file chooses; dots part the levels of the mappings.

# EXAMPLE

```
END
  cat "$(dirname "$0")/experiment.yaml"
  cat <<'END'
```

# KEYS

END
  keys | awk -F'\t' '
    function escaped(s) { gsub(/[][\\*_#|~<>.`-]/, "\\\\&", s); return s }
    { printf "*%s*%s\n\t%s%s.\n\n", escaped($1), ($2 ? ": " escaped($2) : ""), escaped($3),
      ($4 ? ", as in _" escaped($4) "_" : "") }'
  echo '# SEE ALSO'
  echo
  echo '*elbo*(1), *elbo-plugin*(7)'
}

# A table of all keys.
experiments_md() {
  cat <<'END'
# Keys of an experiment file

An experiment is a file in YAML (JSON is a part of it); [examples](examples) holds whole ones. Paths are relative to the file. Duplicate and
unknown keys are errors with line and column and the nearest known key. `NAME` stands for a variable, `PARAMETER` for a parameter of the
variable's family (`elbo plugin info FAMILY`). Any key may be set from the command line by its path, `--set train.epochs=3`, where the value is
read as YAML, and varied by `elbo sweep --vary train.epochs=3,10`. A test puts every example into a file and has it checked.

This page is written by `sh docs/man/page.sh build/elbo experiments.md` from the tables that read the file; a test holds that it is current.

| key | value | meaning | example |
|---|---|---|---|
END
  keys | awk -F'\t' '
    function cell(s) { gsub(/\|/, "\\|", s); return s }
    { printf "| `%s` | %s | %s | %s |\n", $1, cell($2), cell($3), $4 ? "`" cell($4) "`" : "" }'
}

case $page in
elbo.1) elbo_1 ;;
elbo-experiment.5) elbo_experiment_5 ;;
experiments.md) experiments_md ;;
keys) keys ;;
*) echo "usage: page.sh PROGRAM elbo.1|elbo-experiment.5|experiments.md|keys" >&2 && exit 2 ;;
esac
