#!/bin/sh
# SPDX-License-Identifier: MIT
# pack.sh DIRECTORY ARCHIVE - makes a cpio archive (newc) that does not depend on when, where or by whom it was made.
set -eu
archive=$(readlink -f "$2")
cd "$1"
find . -exec touch -h -d @0 {} +
find . -mindepth 1 | LC_ALL=C sort | cpio --quiet --reproducible -R 0:0 -o -H newc >"$archive.new"
mv "$archive.new" "$archive"
