#!/bin/sh
# SPDX-License-Identifier: MIT
#
# heap.sh - the heap beside the C library's: instructions and processor time for an allocation and its free.
#
# Instructions are counted by callgrind as the difference between two runs that differ only in how many pairs they make,
# less the same difference with no allocator at all: they repeat exactly. Times are the least of several runs taken in
# turn; only their ratio within one run means anything.
#
#   heap.sh [--tsv]     --tsv: table, row, subject, value, unit, target, with tabs between

set -eu

cd "$(dirname "$0")/.."
table=heap
columns='  %-26s %-24s %10s %-14s %s\n'
. bench/table.inc

program=$build/heap
few=20000
many=40000
timed=400000
turns=3
gcc -std=c11 -Wall -Wextra -Werror -O2 -DQUIRE_HOST -Iinclude -iquote mm -o $program \
    bench/heap/bench.c mm/heap/*.c mm/event.c mm/status.c

# instructions SUBJECT ROW COUNT HISTORY: of the whole run, and how many pairs it made
instructions()
{
    valgrind --tool=callgrind --callgrind-out-file=/dev/null $program "$1" "$2" "$3" "$4" 2>&1 |
        awk '/^[0-9]+ [0-9.]+$/ { pairs = $1 } /Collected :/ { count = $4 } END { print count, pairs }'
}

# per_pair SUBJECT ROW HISTORY
per_pair()
{
    printf '%s %s\n' "$(instructions "$1" "$2" $few "$3")" "$(instructions "$1" "$2" $many "$3")" |
        awk '{ printf "%.1f\n", ($3 - $1) / ($4 - $2) }'
}

# Sets time_quire and time_libc: nanoseconds a pair, the least of several runs in turn, harness included.
measure_times()
{
    time_quire=''
    time_libc=''
    turn=0
    while [ $turn -lt $turns ]; do
        for subject in quire libc; do
            now=$($program $subject "$1" $timed | cut -d' ' -f2)
            eval "least=\$time_$subject"
            eval "time_$subject=$(printf '%s %s\n' "$now" "${least:-$now}" | awk '{ print $1 < $2 ? $1 : $2 }')"
        done
        turn=$((turn + 1))
    done
}

libc="C library $(getconf GNU_LIBC_VERSION 2>/dev/null || echo)"

[ $form = tsv ] || {
    printf '\nHeap: one allocation and its free, 64 bits, one thread, lock included\n\n'
    line row subject value unit target
}
# count ROW HISTORY TITLE TARGET
count()
{
    none=$(per_pair none "$1" "$2")
    for subject in quire libc; do
        net=$(printf '%s %s\n' "$(per_pair $subject "$1" "$2")" "$none" | awk '{ printf "%.0f\n", $1 - $2 }')
        case $subject in
        quire) line "$3" Quire "$net" instructions "$4" ;;
        libc) line "$3" "$libc" "$net" instructions '' ;;
        esac
    done
}

# What the heap has lived through decides what a pair costs (bench.c says how): so it is shown for one size in three
# ways. The rows that follow have a long history.
count 64-bytes none '64-bytes, empty before' ''
count 64-bytes one '64-bytes, one block held' ''
while read -r row target; do
    count "$row" long "$row" "$target"
    measure_times "$row"
    line "$row" Quire "$time_quire" nanoseconds ''
    line "$row" "$libc" "$time_libc" nanoseconds ''
done <<'END'
5-bytes 42
64-bytes 42
1-KiB 50
64-KiB 70
batch-64-bytes 39
batch-1-KiB 68
mixed-8-bytes-to-64-KiB 45
END
