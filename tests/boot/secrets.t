# SPDX-License-Identifier: MIT
# Random numbers: none comes twice, in one boot or in several, unless the machine counts instructions; what the seed is worth is
# said. And the boot word "wx".
. "$(dirname "$0")/../harness/tap.sh"

# numbers NAME OPTIONS...: four lines of a boot, in $scratch/NAME.
numbers()
{
    name=$1
    shift
    machine "$@" "$scratch/secrets" random
    equal "$kind: $*: status" "$status" 0
    cp "$scratch/out" "$scratch/$name"
}

judge()
{
    numbers first
    numbers second
    numbers third --cpu qemu64
    numbers fourth --cpu qemu64
    equal "$kind: sixteen numbers, none of them twice" "$(cat "$scratch/first" "$scratch/second" "$scratch/third" "$scratch/fourth" |
        sort -u | wc -l)" 16
    numbers fifth --icount
    numbers sixth --icount
    check "$kind: where instructions are counted, they repeat" cmp "$scratch/fifth" "$scratch/sixth"
    equal "$kind: within such a boot they do not" "$(sort -u "$scratch/fifth" | wc -l)" 4

    machine "$scratch/secrets" wx
    equal "$kind: without the word nothing is refused" "$status" 0
    machine --word wx "$scratch/secrets" wx
    equal "$kind: with it, each way to both written and executed" "$status" 5
}

source=$(dirname "$0")/programs/secrets.c
for kind in 'gcc -m64' 'gcc -m32'; do
    if can_compile $kind; then
        $kind -O1 -static -o "$scratch/secrets" "$source" || exit 1
        judge
        $kind -O1 -static -z execstack -o "$scratch/secrets" "$source" || exit 1
        machine --word wx "$scratch/secrets" wx
        equal "$kind: a program that wants its stack executed is refused" "$status" 126
        contains "$kind: in words" "$scratch/err" "both written and executed"
    else
        skip "random numbers of programs built by '$kind -static'" "no such compiler or library here"
    fi
done

for ARCH in i386 i386pae x86_64; do
    export ARCH
    machine
    contains "$ARCH: the seed and what it is worth" "$scratch/out" "random numbers are seeded by RD"
    contains "$ARCH: in full" "$scratch/out" ", with 256 bits"
    machine --cpu qemu64
    contains "$ARCH: without such an instruction" "$scratch/out" "seeded by the jitter of its clocks, with"
    machine --icount
    contains "$ARCH: where instructions are counted it is worth nothing" "$scratch/out" "the count of instructions, with 0 bits"
done
finish
