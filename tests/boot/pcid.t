# SPDX-License-Identifier: MIT
# Process-context identifiers, which of the emulators only bochs has: the kernel's suites "tags" and "vmm", and the tour with
# its processes, whose switches keep translations. With isolation: isolation.t.
. "$(dirname "$0")/../harness/tap.sh"
. "$(dirname "$0")/../harness/bochs.sh"

ARCH=x86_64
test_in_bochs "test=tags,vmm lf nokpti"
equal "all tests of both suites pass" "$(grep -c '^ok ' "$scratch/tap")" "${plan:-a plan}"
check "there are some of both" sh -c 'grep -q "^ok .* tags: " "$1" && grep -q "^ok .* vmm: " "$1"' - "$scratch/tap"
equal "none is left out" "$(grep -c '# SKIP' "$scratch/tap")" 0
grep '^not ok\|^#' "$scratch/tap" | sed 's/^/# /' | head -n 20

# kept: how many loads of CR3 kept translations, as the kernel says at its end.
kept()
{
    sed -n 's/.*loads of CR3 under a PCID, \([0-9]*\) of them .*/\1/p' "$scratch/console" | tail -n 1
}

run_in_bochs quire.elf "lf nokpti"
contains "the kernel uses PCIDs" "$scratch/console" "PCID,"
contains "its processes run" "$scratch/console" "All accounts settled"
loads=$(sed -n 's/ *\([0-9]*\) loads of CR3 under a PCID.*/\1/p' "$scratch/console" | tail -n 1)
kept=$(kept)
[ "${kept:-0}" -ge 20 ]
result $? "switches keep translations: ${kept:-none} of ${loads:-no} loads"

run_in_bochs quire.elf "lf nopcid"
contains "without PCIDs everything is as it was" "$scratch/console" "All accounts settled"
equal "and none is used" "$(kept)" ''
finish
