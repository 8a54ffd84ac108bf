# SPDX-License-Identifier: MIT
# Limits that are accepted hold, and a call that lasts can be ended.
. "$(dirname "$0")/../harness/tap.sh"

long=$scratch/long
source=$(dirname "$0")/programs/long.c

# ends MODE STATUS NAME
ends()
{
    LIMIT=60 machine --word account "$long" "$1"
    equal "$ARCH: $3" "$status" "$2"
}

for ARCH in x86_64 i386 i386pae; do
    export ARCH
    kind='gcc -m32'
    [ $ARCH != x86_64 ] || kind='gcc -m64'
    # shellcheck disable=SC2086
    if ! can_compile $kind || ! $kind -O0 -static -o "$long" "$source"; then
        skip "$ARCH: limits" "no compiler for it here"
        continue
    fi
    ends cpu 152 "SIGXCPU arrives in the middle of a call of two gigabytes"
    ends deep 139 "the stack ends at its limit"
    ends reach 0 "the kernel, too, makes the stack grow"
    ends raise 0 "a stack whose limit was raised grows further"
done
finish
