# SPDX-License-Identifier: MIT
# The kernel hides from ring 3 (kernel page-table isolation): asked for in QEMU, and of its own accord in bochs, whose CPU is
# one that needs it, and which has PCIDs. What programs do to the way in and out, provoke.t tries with the same word.
. "$(dirname "$0")/../harness/tap.sh"
. "$(dirname "$0")/../harness/bochs.sh"

ARCH=x86_64
export ARCH

machine --word kpti --tests isolation
contains "ring 3 has the gate and no more" "$scratch/out" "ok 1 - isolation: ring_3_has_the_gate_and_no_more"
equal "and that was looked at" "$(grep -c '# SKIP' "$scratch/out")" 0

machine --word kpti
equal "the tour: status" "$status" 0
contains "the kernel says that it is isolated" "$scratch/out" "isolation from ring 3,"
contains "the tour: two trespassers died" "$scratch/out" "both trespassers died of SIGSEGV                           yes"
contains "the kernel's half is explained" "$scratch/out" "a program reaches for the kernel's"
equal "the tour: nothing fails" "$(grep -c ' NO$' "$scratch/out")" 0

machine
equal "QEMU's processor does not ask for isolation" "$(grep -c 'isolation from ring 3' "$scratch/out")" 0

for suite in process vmm paging; do
    machine --word kpti --tests $suite
    equal "suite $suite: status" "$status" 0
    equal "suite $suite: nothing fails" "$(grep -c '^not ok' "$scratch/out")" 0
done

if can_compile gcc; then
    gcc -O1 -static -o "$scratch/speak" "$(dirname "$0")/programs/speak.c" || exit 1
    for mode in allocate stack; do
        "$scratch/speak" $mode >"$scratch/expected"
        machine --word kpti "$scratch/speak" $mode
        check "$mode: the same output as on Linux" cmp "$scratch/out" "$scratch/expected"
    done
    machine --word kpti "$scratch/speak" kernel
    equal "ring 3 cannot read the kernel" "$status" 139
    contains "and is told why" "$scratch/err" "likely: "
else
    skip "programs of others" "no static C library"
fi

test_in_bochs "test=isolation lf"
equal "bochs: ring 3 has the gate and no more" "$(grep -c '^ok ' "$scratch/tap")" "${plan:-a plan}"
equal "bochs: and that was looked at" "$(grep -c '# SKIP' "$scratch/tap")" 0
run_in_bochs quire.elf lf
contains "bochs: both PCIDs and isolation are in use" "$scratch/console" "PCID, isolation from ring 3,"
contains "bochs: its processes run" "$scratch/console" "All accounts settled"
equal "bochs: nothing fails" "$(grep -c ' NO$' "$scratch/console")" 0
finish
