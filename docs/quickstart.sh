#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# From a bare Debian 12 to pictures: installs what is missing (as root), builds, trains docs/examples/quickstart.yaml on digits that the
# program draws itself, and leaves the run in runs/quickstart. An earlier runs/quickstart is removed.
set -eu
cd "$(dirname "$0")/.."

packages='gcc libc6-dev meson ninja-build pkg-config libgsl-dev libopenblas-dev libyaml-dev libjansson-dev zlib1g-dev libpng-dev
  librandom123-dev'
missing=
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing="$missing $package"
done
if [ -n "$missing" ] && [ "$(id -u)" = 0 ]; then
  echo "installing:$missing"
  words=$(mktemp)
  # shellcheck disable=SC2086 # they are words
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$words" 2>&1 || {
    cat "$words" >&2
    exit 1
  }
  rm "$words"
elif [ -n "$missing" ]; then
  echo "not installed, and only root can:$missing" >&2
  echo "if the build below fails, run: apt-get install$missing" >&2
fi

echo 'building'
words=$(mktemp)
# Of a new build folder the tests are left out, which need more packages; one that stands is taken as it is.
[ -f build/build.ninja ] || meson setup build -Dtests=false >"$words" 2>&1 || { cat "$words" >&2; exit 1; }
ninja -C build >"$words" 2>&1 || { cat "$words" >&2; exit 1; }
rm "$words"

rm -rf runs/quickstart
build/elbo train docs/examples/quickstart.yaml "$@"
build/elbo traverse runs/quickstart --latents 2,3 --side 12
cat <<'TEXT'

Look at
  runs/quickstart/samples.png          digits that the model draws
  runs/quickstart/reconstructions.png  test digits, each followed by what the model makes of it
  runs/quickstart/traverse.png         walking along two latent numbers
  runs/quickstart/curves.svg           how training went
TEXT
