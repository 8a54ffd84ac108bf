# SPDX-License-Identifier: MIT
# Measured tables: each script says what it measures, and rows of one kind never have targets of another.
. "$(dirname "$0")/../harness/tap.sh"
cd "$root" || exit 1

# A row of one table is never a row of the other: what a program meets is bench/vm's, a call of the library is bench/paging's.
names_of()
{
    sed -n 's/.*\(row(\|{\|measure_children(\|measure_move(.*, \)"\([a-zA-Z0-9][^"]* [^"]*\)".*/\2/p' "$1" | sort
}
no_row_is_in_both()
{
    names_of bench/vm/bench.c >"$scratch/vm"
    names_of "$(find kernel -name bench_paging.c)" >"$scratch/paging"
    [ "$(wc -l <"$scratch/vm")" -gt 20 ] && [ "$(wc -l <"$scratch/paging")" -gt 15 ] &&
        [ -z "$(comm -12 "$scratch/vm" "$scratch/paging")" ]
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

check "rows of calls and rows of what a program meets are different ones" no_row_is_in_both
check "rows of the kernel are measured from ring 3" every_row_is_measured_in_ring_3
check "both kernels run in the same machine" one_machine
finish
