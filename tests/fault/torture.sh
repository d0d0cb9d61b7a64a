#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# torture.sh PROGRAM PLUGINS [--whole]: runs it in a folder of its own.
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"$1" "$2" "$folder" ${3+"$3"}
