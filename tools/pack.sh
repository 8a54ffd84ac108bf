#!/bin/sh
# SPDX-License-Identifier: MIT
# pack.sh DIRECTORY ARCHIVE - makes a cpio archive (newc) that does not depend on when, where or by whom it was made.
#
# The times are made equal on a copy: on the files themselves they would tell make that all of them are out of date.
set -eu
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R "$1/." "$copy"
find "$copy" -exec touch -h -d @0 {} +
(cd "$copy" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet --reproducible -R 0:0 -o -H newc) >"$2.new"
mv "$2.new" "$2"
