#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# compare.sh ELBO EXAMPLE.yaml [FOLDER_OF_DATA]: a comparison on a slice of its data. Without the folder it needs: status 77, skipped.
set -u
elbo=$(realpath "$1") example=$2 data=${3-}
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
set -- --set data.limit=200
if [ -n "$data" ]; then
  [ -d "$data" ] || {
    echo "skipped: there is no folder $data (build option data_dir)"
    exit 77
  }
  set -- "$@" --set "data.root=$data"
fi
cd "$T" || exit 1
timeout 250 "$elbo" compare "$example" "$@" --rows 4 --repeats 20 -o made >out || exit 1
for file in compare.json compare.csv compare.svg; do
  [ -s "made/$file" ] || {
    echo "FAIL there is no $file"
    exit 1
  }
done
cat out
