#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# install.sh SOURCE_ROOT BUILD_ROOT: installs with DESTDIR from the build at hand, and under a prefix from a build of its own; from the
# latter a program and the README's plugin are compiled as a stranger would, and an experiment is trained.
set -u
source=$1 build=$2
here=$source/tests/install
unset ELBO_PLUGIN_PATH LD_LIBRARY_PATH # the suite runs with that of the build
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
cd "$T" || exit 1
passed=0
# step NAME COMMAND...; what the step before printed is in the file `before`
step() {
  name=$1
  shift
  [ ! -f out ] || mv out before
  if "$@" >out 2>&1; then
    echo "ok   $name"
    passed=$((passed + 1))
  else
    echo "FAIL $name: status $?"
    tail -n 30 out
    echo "$passed passed, 1 failed"
    exit 1 # what follows builds on it
  fi
}
one() { find "$1" -name "$2" | grep -q .; }

step 'install with DESTDIR' env DESTDIR="$T/dest" meson install -C "$build" --no-rebuild
for file in elbo libelbo.so.0 elbo.pc elbo-plugin.pc plugin.h kernel.h kernel_math.h normal.so openblas.so location_scale.so; do
  step "DESTDIR: $file" one dest "$file"
done

for file in elbo _elbo elbo.fish; do
  step "DESTDIR: the completion $file" sh -c "find dest -path '*complet*' -name '$file' -o -path '*site-functions*' -name '$file' | grep -q ."
done
if command -v scdoc >/dev/null; then
  for page in elbo.1 elbo-experiment.5 elbo-plugin.7; do step "DESTDIR: $page" one dest "$page"; done
else
  echo 'skip man pages: no scdoc here'
fi

step 'configure with a prefix' meson setup own "$source" --prefix "$T/prefix" --buildtype=debug -Dtests=false
step 'build' ninja -C own
step 'install with the prefix' meson install -C own --no-rebuild
step 'the build is not needed any more' rm -rf own
PKG_CONFIG_PATH=$(dirname "$(find "$T/prefix" -name elbo.pc)")
export PKG_CONFIG_PATH
elbo=$T/prefix/bin/elbo
step 'the program starts' "$elbo" --version
step 'its plugins are those of the prefix' sh -c "'$elbo' plugin list --json | grep -q '$T/prefix/.*normal.so'"

# shellcheck disable=SC2046 # flags are words
step 'a program against elbo.pc' cc -Wall -Werror -o program "$here/program.c" $(pkg-config --cflags --libs elbo) \
  "-Wl,-rpath,$(pkg-config --variable=libdir elbo)"
step 'the program runs' ./program
step 'and finds the plugins of the prefix' grep -q "$T/prefix" before

# shellcheck disable=SC2046
step 'docs/examples/embed.c' cc -std=c11 -Wall -Wextra -pedantic -Werror -o embed "$source/docs/examples/embed.c" \
  $(pkg-config --cflags --libs elbo) "-Wl,-rpath,$(pkg-config --variable=libdir elbo)"
sed -n '/^# plane.yaml$/,/^```$/p' "$source/docs/library.md" | sed '/^```$/d' >plane.yaml
step 'it trains and evaluates' sh -c './embed plane.yaml embedded >embedding'
step 'its callback came for each epoch' grep -q '^test: epoch 2 of 2' embedding
step 'it evaluated and encoded' sh -c "grep -q '^elbo .* over 100 rows of test' embedding && grep -q '^z.loc: ' embedding"

# The plugin that the README prints, compiled by the line that it prints.
sed -n '/^```c$/,/^```$/p' "$source/README.md" | sed '1d;/^```$/,$d' >sech.c
# shellcheck disable=SC2046
step "the README's plugin" cc -O2 -shared -fPIC $(pkg-config --cflags elbo-plugin) -o sech.so sech.c -lm
step 'the plugin is strict C11' cc -std=c11 -Wall -Wextra -pedantic-errors -Werror -fsyntax-only \
  "-I$T/prefix/include" sech.c
cat >x.yaml <<'YAML'
name: x
data: {x: {builtin: pinwheel, rows: 300, test_rows: 100}}
model:
  p:
    z: {family: sech, size: 2}
    x: {family: sech, given: z, net: {hidden: [8]}}
  q:
    z: {family: sech, given: x, net: {hidden: [8]}}
train: {epochs: 2, batch_size: 50}
YAML
step 'training with the plugin' "$elbo" train x.yaml -o run --plugin ./sech.so
step 'the plan names it' grep -q sech before
if "$elbo" check x.yaml >out 2>&1; then
  echo 'FAIL without --plugin the family is unknown: status 0'
  echo "$passed passed, 1 failed"
  exit 1
fi
echo "$((passed + 1)) passed, 0 failed"
