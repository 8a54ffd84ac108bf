# SPDX-License-Identifier: MIT
# What only an emulator that checks segment limits can tell: the kernel's suite "segments" in bochs, with the word "limits"
# that leaves nothing out. The same suite runs in QEMU with the tests of the kernel, without the probes that need limits.
. "$(dirname "$0")/../harness/tap.sh"
. "$(dirname "$0")/../harness/bochs.sh"

for ARCH in i386 i386pae; do
    test_in_bochs "test=segments limits lf ports=0x300-0x33f"
    equal "$ARCH: as many answers as tests" "$(grep -cE '^(not )?ok ' "$scratch/tap")" "${plan:-a plan}"
    equal "$ARCH: none is left out" "$(grep -c '# SKIP' "$scratch/tap")" 0
    while read -r outcome number dash name; do
        case $outcome in
        ok) result 0 "bochs, $ARCH: $name" ;;
        not) result 1 "bochs, $ARCH: $dash $name" ;;
        esac
    done <"$scratch/tap"
    contains "$ARCH: the segment, in words" "$scratch/console" "of selector 0x0017, but the offset lies beyond the segment's limit"
    contains "$ARCH: its base and limit" "$scratch/console" "selector 0x0017: base 0x2000"
    contains "$ARCH: an expand-down stack" "$scratch/console" "offsets above it are inside"
    grep '^#' "$scratch/tap" | head -n 20
done
finish
