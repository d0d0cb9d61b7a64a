#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# guide.sh SOURCE_ROOT BUILD_ROOT: does what docs/plugin-guide.md says, word for word, in an empty folder against an installed copy.
set -u
source=$1 build=$2
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
passed=0
# step NAME COMMAND...
step() {
  name=$1
  shift
  if "$@" >"$T/out" 2>&1; then
    echo "ok   $name"
    passed=$((passed + 1))
  else
    echo "FAIL $name: status $?"
    tail -n 30 "$T/out"
    echo "$passed passed, 1 failed"
    exit 1 # what follows builds on it
  fi
}
# The prefix of the build at hand is another: the copy is moved, and what knows its own place is told.
step 'install' env DESTDIR="$T/dest" meson install -C "$build" --no-rebuild
elbo=$(find "$T/dest" -type f -name elbo -perm -u+x | head -n 1)
prefix=${elbo%/bin/elbo}
LD_LIBRARY_PATH=$(dirname "$(find "$T/dest" -name 'libelbo.so.0' | head -n 1)")
PKG_CONFIG_PATH=$(dirname "$(find "$T/dest" -name elbo-plugin.pc | head -n 1)")
PATH=$prefix/bin:$PATH
PKG_CONFIG_SYSROOT_DIR=$T/dest
export LD_LIBRARY_PATH PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR PATH
unset ELBO_PLUGIN_PATH
mkdir "$T/empty" && cd "$T/empty" || exit 1

# Every block of the page in its order: yaml is saved, sh is run line by line.
awk -v save=mine.yaml '
  /^```yaml$/ { kind = "yaml"; next }
  /^```sh$/ { kind = "sh"; next }
  /^```/ { kind = ""; next }
  kind == "yaml" { print > save }
  kind == "sh" { print > "commands" }' "$source/docs/plugin-guide.md"
step 'the page has commands and an experiment' test -s commands -a -s mine.yaml
while IFS= read -r line; do
  step "$line" sh -c "$line"
done <commands
step 'a run was left' test -d runs/mine
step 'the family is no stranger to strict C11' cc -std=c11 -Wall -Wextra -pedantic-errors -Werror -fsyntax-only \
  "-I$prefix/include" triangle.c
sh -c 'elbo plugin new family triangle' >/dev/null 2>&1
step 'a file that is there is left alone' test $? -eq 7
echo "$passed passed, 0 failed"
