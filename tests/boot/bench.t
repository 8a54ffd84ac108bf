# SPDX-License-Identifier: MIT
# The measuring programs run to their end, with few rounds; no figure is judged.
. "$(dirname "$0")/../harness/tap.sh"
cd "$root" || exit 1

# At least so many rows of the table, each with a number.
rows_of_vm()
{
    timeout -k 10 900 sh bench/vm.sh --tsv --quick >"$scratch/vm" || return 1
    awk -F '\t' '$1 != "vm" || $4 !~ /^[0-9]+$/ || $5 != "instructions" { bad = 1 } END { exit bad || NR < 20 }' "$scratch/vm"
}

# frames ROW ORDER THREADS: every allocator makes pairs, or says that threads did not run at once.
frames()
{
    for subject in quire next-fit free-list buddy buddy-cpu; do
        [ "$subject" = free-list ] && [ "$2" != 0 ] && continue
        answer=$(timeout -k 10 120 "$scratch/frames" $subject "$1" "$2" 1 "$3" 2000) || return 1
        echo "$answer" | grep -qE '^([1-9][0-9]* [0-9.]+ [0-9.]+ [0-9.]+|0 - - -)$' || {
            echo "$subject: $answer"
            return 1
        }
    done
}

heaps()
{
    for history in none one long; do
        for row in 5-bytes 64-KiB batch-64-bytes mixed-8-bytes-to-64-KiB; do
            timeout -k 10 120 "$scratch/heap" quire $row 2000 $history >/dev/null || return 1
        done
    done
}

if ! command -v gcc >/dev/null 2>&1; then
    skip "the measuring programs run" "no gcc here"
    finish
fi
check "a program measures the kernel's calls" rows_of_vm
flags="-std=c11 -Wall -Wextra -Werror -O2 -DQUIRE_HOST -Iinclude -iquote mm"
if [ -e /usr/include/valgrind/callgrind.h ]; then
    # shellcheck disable=SC2086 # lists of words
    check "the allocators of frames can be built" gcc $flags -DQUIRE_EVENTS=0 -DQUIRE_PORT_CPU=bench_cpu -include bench/frames/cpu.h \
        -iquote bench/frames -o "$scratch/frames" bench/frames/bench.c bench/frames/buddy.c bench/frames/fill.c \
        bench/frames/free_list.c bench/frames/next_fit.c bench/frames/quire.c mm/pmm/*.c mm/event.c mm/status.c -lpthread
    for row in bulk repeat random churn full; do
        check "frames: $row" frames $row 0 1
    done
    check "frames: bulk of two threads" frames bulk 0 2
    check "frames: bulk of blocks" frames bulk 9 1
else
    skip "frames" "no valgrind here"
fi
# shellcheck disable=SC2086
check "the heap's program can be built" gcc $flags -o "$scratch/heap" bench/heap/bench.c mm/heap/*.c mm/event.c mm/status.c
check "heap: rows, with every history" heaps
finish
