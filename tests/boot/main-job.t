# SPDX-License-Identifier: MIT
# The main job on each kernel: the walk complete, every account settled, and twice the same to the byte.
. "$(dirname "$0")/../harness/tap.sh"

for ARCH in i386 i386pae x86_64; do
    export ARCH
    machine --icount
    equal "$ARCH: exit status" "$status" 0
    for text in 'malloc(5) =' 'reserve' 'page fault' 'All accounts settled'; do
        contains "$ARCH: the story has '$text'" "$scratch/out" "$text"
    done
    equal "$ARCH: no verdict is NO" "$(grep -c ' NO$' "$scratch/out")" 0
    equal "$ARCH: two trespassers died" "$(grep -c 'exit status 139' "$scratch/out")" 2
    cp "$scratch/out" "$scratch/first"
    machine --icount
    check "$ARCH: a second run prints the same bytes" cmp "$scratch/first" "$scratch/out"
    machine --quiet
    equal "$ARCH: --quiet: exit status" "$status" 0
    check "$ARCH: --quiet says less" test "$(wc -c <"$scratch/out")" -lt "$(wc -c <"$scratch/first")"
done
finish
