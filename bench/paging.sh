#!/bin/sh
# SPDX-License-Identifier: MIT
#
# paging.sh - what a page costs: mapped, queried, protected, unmapped, touched, promised; 1, 512 and 262,144 of them in one range.
#
# Instructions are counted by callgrind as the difference between two runs that differ only in how many rounds they make.
# The library is built as a kernel builds it, for one format. What is mapped must be unmapped again, so those two are
# measured together.
#
# After that, the library's calls inside the kernel, on all three page-table formats (kernel/bench_paging.c): there the emulator
# counts instructions in the time-stamp counter. Without the emulator these rows are left out, and that is said. They are no
# system calls, and have targets of their own: what a program meets is in vm.sh.
#
#   paging.sh [--tsv]     --tsv: table, row, subject, value, unit, target, with tabs between
#
# SUBJECTS names those that are measured, with blanks between, of: host i386 i386pae x86_64 (default: all). In the kernel
# alone, it takes seconds:
#
#   SUBJECTS=x86_64 ./quire bench paging

set -eu

cd "$(dirname "$0")/.."
table=paging
columns='  %-46s %-12s %10s %-24s %s\n'
. bench/table.inc
: "${SUBJECTS:=host i386 i386pae x86_64}"
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
tab=$(printf '\t')

# instructions FORMAT OPERATION PAGES ROUNDS: of the whole run
instructions()
{
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$build/paging-$1" "$2" "$3" "$4" 2>&1 |
        awk '/Collected :/ { print $4 }'
}

# per_page FORMAT OPERATION PAGES
per_page()
{
    rounds=$(($3 > 100000 ? 1 : 20))
    few=$(instructions "$1" "$2" "$3" $rounds)
    many=$(instructions "$1" "$2" "$3" $((2 * rounds)))
    printf '%s %s %s\n' "$few" "$many" $((rounds * $3)) | awk '{ printf "%.1f\n", ($2 - $1) / $3 }'
}

on_host()
{
    for format in x86_32 x86_pae x86_4level; do
        gcc -std=c11 -Wall -Wextra -Werror -O2 -DQUIRE_HOST -DQUIRE_FORMAT=$format -DQUIRE_EVENTS=0 -Iinclude -iquote mm \
            -o $build/paging-$format bench/paging/bench.c mm/vmm/*.c mm/paging/*/*.c mm/explain/*.c mm/pmm/*.c mm/*.c \
            mm/cpu/*.c
    done
    [ $form = tsv ] || {
        printf '\nPaging: instructions a page, by the length of the range, 64-bit code\n\n'
        line row format value unit target
    }
    for operation in map-and-unmap unmap-and-promise query protect fault reserve-and-release; do
        for pages in 1 512 262144; do
            [ "$operation $pages" != 'fault 262144' ] || continue # frames of its own: more than this machine has
            for format in x86_32 x86_pae x86_4level; do
                line "$operation, $pages pages" $format "$(per_page $format $operation $pages)" 'instructions per page' ''
            done
        done
    done
}

# in_kernel ARCH
in_kernel()
{
    ARCH=$1 timeout -k 10 300 ./quire run --icount --quiet --mem 512M --word bench=paging </dev/null >"$answer" || {
        echo "paging: the $1 kernel did not finish" >&2
        exit 1
    }
    [ $form = tsv ] || {
        printf '\nPaging: calls of the library in the kernel, without the trap or system call around them (for those: bench vm)\n\n'
        line row ARCH value unit target
    }
    tr -d '\r' <"$answer" | grep "^bench$tab" | while IFS=$tab read -r _ row value unit target; do
        line "$row" "$1" "$value" "$unit" "${target:-}"
    done
}

for subject in $SUBJECTS; do
    case $subject in
    host) on_host ;;
    i386 | i386pae | x86_64)
        if command -v qemu-system-x86_64 >/dev/null 2>&1; then
            in_kernel "$subject"
        else
            echo "paging: qemu-system-x86_64 is missing: nothing is measured in the $subject kernel" >&2
        fi
        ;;
    *) echo "paging: SUBJECTS are of: host i386 i386pae x86_64; not $subject" >&2 && exit 2 ;;
    esac
done
