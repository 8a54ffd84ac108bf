# SPDX-License-Identifier: MIT
# What a program can do to the CPU from ring 3 ends the program at the most, never the kernel.
. "$(dirname "$0")/../harness/tap.sh"

source=$(dirname "$0")/programs/provoke.c

word=lf # one that is there anyway

# ends STATUS NAME...
ends()
{
    wanted=$1
    shift
    for name in "$@"; do
        machine --word "$word" "$scratch/provoke" "$name"
        equal "$ARCH, $word: $name" "$status" "$wanted"
    done
}

build()
{
    gcc "$1" -std=gnu11 -O1 -static -nostdlib -no-pie -fno-pic -fno-stack-protector -o "$scratch/provoke" "$source" ||
        exit 1
}

both()
{
    ends 7 nothing nested-task-flag alignment-flag direction-flag odd-data-segments
    ends 133 trace-flag trace-flag-into-the-kernel breakpoint
    ends 136 unmasked-division-by-zero
    ends 139 input-output-privilege halt write-a-port load-cr3 interrupt-of-the-kernel double-fault-gate \
        kernel-stack-segment null-stack-segment stack-in-the-kernel
}

ARCH=x86_64
export ARCH
build -m64
for word in lf kpti; do
    both
    ends 7 stack-at-no-address
    ends 139 system-call-of-another-kind jump-to-no-address return-to-no-address swap-gs compatibility-mode
done
word=lf

build -m32
for ARCH in i386 i386pae; do
    both
    ends 7 segment-that-is-gone
    ends 139 stack-segment-that-is-gone return-from-no-task jump-to-a-task overflow write-a-window-of-the-kernel
done
finish
