# SPDX-License-Identifier: MIT
# A build that has nothing to do does nothing: ./quire run builds each time, and tests run while others do.
. "$(dirname "$0")/../harness/tap.sh"
cd "$root" || exit 1

# rebuilt ARCH: what a second build writes.
rebuilt()
{
    build ARCH="$1" kernel test-kernel || return 1
    touch "$scratch/now"
    build ARCH="$1" kernel test-kernel || return 1
    written=$(find "build/$1" -newer "$scratch/now" -type f)
    [ -z "$written" ] || { echo "$written" && return 1; }
}

for ARCH in i386 i386pae x86_64; do check "$ARCH: a second build writes nothing" rebuilt $ARCH; done
finish
