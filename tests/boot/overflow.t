# SPDX-License-Identifier: MIT
# A stack of the kernel is used up. The fault cannot be delivered on it; the double fault has a task of its own on i386, a
# stack of its own on x86_64. The report names stack and address, and the address lies in the guard page: nothing below the
# stack has been written.
. "$(dirname "$0")/../harness/tap.sh"

# in_guard: the last fault was in the page that ends where the stack, as the kernel said before, begins.
in_guard()
{
    perl -ne 'no warnings; $start = hex $1 if /the stack begins at 0x(\w+)/; $fault = hex $1 if /page fault was at address 0x(\w+)/;
        END { exit !($start && $fault && $start - 4096 <= $fault && $fault < $start) }' "$scratch/out"
}

# overflows WORD NAME
overflows()
{
    machine --word "$1"
    equal "$ARCH: $2: the machine fails" "$status" 125
    contains "$ARCH: $2: by a double fault" "$scratch/out" "the kernel has failed: double fault at instruction 0x"
    contains "$ARCH: $2: by its name" "$scratch/out" "$2 is used up: that is its guard page"
    [ "$1" = overflow ] || check "$ARCH: $2: at its first byte too few" in_guard
    equal "$ARCH: $2: one report" "$(grep -c 'the kernel has failed' "$scratch/out")" 1
}

for ARCH in i386 i386pae x86_64; do
    export ARCH
    overflows overflow 'the boot stack'
    overflows overflow=process 'the kernel stack of process 1 (hello)'
done
for ARCH in i386 i386pae; do
    overflows overflow=1 'the stack of double faults'
done
ARCH=x86_64
overflows overflow=1 'the stack that isolated entries begin on'
overflows overflow=2 'the stack of debug traps'
overflows overflow=3 'the stack of non-maskable interrupts'
overflows overflow=4 'the stack of double faults'
overflows overflow=5 'the stack of machine checks'
finish
