# SPDX-License-Identifier: MIT
# Programs that live by segments, run alone from the host. QEMU does not check limits; what is seen here is what it does
# check: selectors, privilege, gates, and that memory is where the program thinks it is. Limits: bochs.t.
. "$(dirname "$0")/../harness/tap.sh"

for ARCH in i386 i386pae; do
    export ARCH
    bin=$root/build/$ARCH/root/bin

    machine "$bin/segment-keep" K 1M 5
    equal "$ARCH: a segmented program runs" "$status" 0
    contains "$ARCH: its arguments and its memory are there" "$scratch/out" "K: 1048576 bytes, every one as it was"
    machine "$bin/segment-grow" 5000 3000000
    equal "$ARCH: a segment grows by brk" "$status" 0
    machine "$bin/segment-grow" 1M 64M
    equal "$ARCH: and is refused what is not there" "$status" 3
    machine "$bin/segment-gate"
    equal "$ARCH: a call gate leads to ring 0 and back" "$status" 0
    contains "$ARCH: it comes back in ring 3" "$scratch/out" "I am in ring 3"
    machine "$bin/segment-pages"
    equal "$ARCH: no call for pages is for a segmented program" "$status" 0
    machine "$bin/segment-limits" flat-selector
    equal "$ARCH: the flat segment of other programs is not for this one" "$status" 139
    contains "$ARCH: and that is said in words" "$scratch/err" "it wanted to load selector 0x0023, but"
    machine "$bin/segment-limits" null-stack
    equal "$ARCH: no stack segment at all" "$status" 139
    contains "$ARCH: in words, too" "$scratch/err" "but the null selector"
    machine "$bin/hello" 5
    equal "$ARCH: a program with pages still runs" "$status" 5
done

ARCH=x86_64
machine "$root/build/i386/root/bin/segment-gate"
equal "x86_64 has no such programs" "$status" 126
finish
