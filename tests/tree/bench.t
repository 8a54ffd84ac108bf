# SPDX-License-Identifier: MIT
# Measured tables: each script says what it measures, and rows of one kind never have targets of another.
. "$(dirname "$0")/../harness/tap.sh"
cd "$root" || exit 1

# Targets of system calls and faults, which a program meets, belong to bench/vm alone; a call of the library has its own or none.
library_has_no_targets()
{
    ! grep -n '}, "[0-9]\|1, "[0-9]\|MANY, "[0-9]' kernel/bench_paging.c && grep -q 'walk_unit()' kernel/bench_paging.c
}

# Rows of the program that carry a target, by kind: each must be measured between two readings of the counter in ring 3.
every_row_is_measured_in_ring_3()
{
    rows=$(grep -c '^ *row(' bench/vm/bench.c)
    measured=$(grep -c 'MEASURE(\|note(start' bench/vm/bench.c)
    [ "$rows" -gt 20 ] && [ "$measured" -ge "$rows" ] && ! grep -q 'quire' bench/vm/bench.c
}

# The same machine for both kernels: one command, in one place.
one_machine()
{
    [ "$(grep -c 'qemu-system-x86_64 -accel' bench/vm.sh)" = 1 ] && grep -q 'icount shift=0,sleep=off' bench/vm.sh &&
        grep -q 'cpu max,la57=off,erms=off' bench/vm.sh
}

check "calls of the library have no targets of the kernel's" library_has_no_targets
check "rows of the kernel are measured from ring 3" every_row_is_measured_in_ring_3
check "both kernels run in the same machine" one_machine
finish
