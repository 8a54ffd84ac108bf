# SPDX-License-Identifier: MIT
# What a process reads of its own memory. Its corners: tests/abi/maps.c.
. "$(dirname "$0")/../harness/tap.sh"

maps=$scratch/maps
source=$(dirname "$0")/programs/maps.c
hex='[0-9a-f]'

# shows NAME RIGHTS OFFSET WHAT: a line of what the program read, to the byte; the name is a pattern.
shows()
{
    check "$ARCH: $4" grep -qE "^($hex{8}|$hex{12})-($hex{8}|$hex{12}) $2 $3 $1\$" "$scratch/out"
}

for ARCH in x86_64 i386 i386pae; do
    export ARCH
    kind='gcc -m32'
    [ $ARCH != x86_64 ] || kind='gcc -m64'
    # shellcheck disable=SC2086
    if ! can_compile $kind || ! $kind -O1 -static -o "$maps" "$source"; then
        skip "$ARCH: maps" "no compiler for it here"
        continue
    fi
    machine --word account "$maps" /proc/self/maps
    equal "$ARCH: it is read to its end" "$status" 0
    shows "00:01 [0-9]+ +$maps" r-xp "$hex{8}" "code, with the name of the program"
    shows "00:01 [0-9]+ +$maps" rw-p "$hex{8}" "data"
    shows "00:00 0 +\\[heap]" rw-p 00000000 "the heap"
    shows "00:00 0 +\\[stack]" rw-p 00000000 "the stack"
    before=49
    [ $ARCH != x86_64 ] || before=73
    equal "$ARCH: names stand where Linux puts them" "$(grep -cE "^[^/[]{$before}[/[]" "$scratch/out")" \
        "$(grep -c '[/[]' "$scratch/out")"
done
finish
