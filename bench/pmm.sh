#!/bin/sh
# SPDX-License-Identifier: MIT
#
# pmm.sh - frames, beside the allocators that everybody writes first and the one that Linux has.
#
# Instructions are counted by callgrind inside the allocators, without the harness: they repeat exactly. The library is
# built as a kernel would for speed: no events, and its index of the CPU without a call. Locked instructions are
# counted by a second build. Times are processor time, the least of several runs, harness included; only their ratio within one
# run means anything. What the rows do is said in bench/frames/bench.c.
#
#   pmm.sh [--tsv]     --tsv: table, row, subject, value, unit, target, with tabs between

set -eu

cd "$(dirname "$0")/.."
table=pmm
columns='  %-42s %-10s %12s %-13s %s\n'
. bench/table.inc

subjects="quire next-fit buddy buddy-cpu"
turns=2
flags="-std=c11 -Wall -Wextra -Werror -O2 -fno-pie -no-pie -ftls-model=local-exec -DQUIRE_HOST -DQUIRE_EVENTS=0
    -DQUIRE_PORT_CPU=bench_cpu -include bench/frames/cpu.h -Iinclude -iquote mm -iquote bench/frames"
sources="bench/frames/*.c mm/pmm/*.c mm/event.c mm/status.c"
# shellcheck disable=SC2086 # lists of words
gcc $flags -o $build/frames $sources -lpthread
# shellcheck disable=SC2086
gcc $flags -include bench/frames/counted.h -o $build/frames-counted $sources -lpthread

# collected SUBJECT ROW ORDER GIB PAIRS: instructions of the subject's own functions
collected()
{
    case $1 in
    quire) toggles='quire_pmm_alloc quire_pmm_free' ;;
    *) toggles=$(echo "$1" | sed 's/-/_/g; s/.*/&_take &_give/') ;;
    esac
    case $2 in full | scattered | islands) toggles=${toggles% *} ;; esac # takes alone
    toggles=$(printf -- '--toggle-collect=%s ' $toggles)
    # shellcheck disable=SC2086 # two words
    valgrind --tool=callgrind $toggles --callgrind-out-file=/dev/null \
        $build/frames "$1" "$2" "$3" "$4" 1 "$5" 2>&1 | awk '/Collected :/ { print $4 }'
}

# count_instructions TITLE ROW ORDER GIB PAIRS TARGET [SUBJECTS]
count_instructions()
{
    for subject in ${7:-$subjects}; do
        all=$(collected "$subject" "$2" "$3" "$4" "$5")
        line "$1" "$subject" "$(awk "BEGIN { printf \"%.0f\", $all / $5 }")" instructions "$6"
        line "$1" "$subject" "$($build/frames-counted "$subject" "$2" "$3" "$4" 1 "$5" | cut -d' ' -f4)" locked \
            "${8:-}"
    done
}

# measure_times TITLE ROW ORDER GIB THREADS PAIRS TARGET: takes and gives together
measure_times()
{
    for subject in $subjects; do
        turn=0
        while [ $turn -lt $turns ]; do
            $build/frames "$subject" "$2" "$3" "$4" "$5" "$6"
            turn=$((turn + 1))
        done | awk '{ now = $2 + $3 } NR == 1 || now < least { least = now } END { printf "%.1f\n", least }' |
            while read -r value; do line "$1" "$subject" "$value" ns "$7"; done
    done
}

count_instructions 'repeat, order 0, a pair' repeat 0 4 20000 40 '' 0
count_instructions 'bulk, order 0, a pair' bulk 0 4 100000 ''
count_instructions 'random at 90 %, order 0, a pair' random 0 4 20000 ''
count_instructions 'churn at 70 %, order 0, a pair' churn 0 4 51200 ''
count_instructions 'take at 99 %, 4 GiB' full 0 4 40000 250
count_instructions 'take at 99 %, 1 TiB' scattered 0 1024 20000 250 quire
count_instructions 'take of a frame, the next 16 GiB away' islands 0 1024 20000 '' quire
count_instructions 'repeat, order 9, a pair' repeat 9 4 5000 '' '' 4
count_instructions 'bulk, order 9, a pair' bulk 9 4 2000 '' '' 4

measure_times 'repeat, order 0, a pair' repeat 0 4 1 300000 3
measure_times 'bulk, order 0, a pair' bulk 0 4 1 300000 4.5
measure_times 'bulk, order 0, a pair, 2 CPUs' bulk 0 4 2 200000 5
measure_times 'random at 90 %, 4 GiB, a pair' random 0 4 1 300000 10
measure_times 'random at 90 %, 16 GiB, a pair' random 0 16 1 300000 35
measure_times 'churn at 70 %, 4 GiB, a pair' churn 0 4 1 300000 20
measure_times 'churn at 70 %, 16 GiB, a pair' churn 0 16 1 300000 35
measure_times 'churn at 70 %, 4 GiB, a pair, 2 CPUs' churn 0 4 2 200000 20
measure_times 'bulk, order 9, a pair' bulk 9 4 1 30000 16
measure_times 'ready, 16 GiB' start 0 16 1 3 12000

for subject in $subjects; do
    line 'ready, for each GiB of 16' "$subject" "$($build/frames "$subject" start 0 16 1 3 | awk '{ printf "%.0f", $2 / 16 }')" ns ''
    line '2 MiB blocks recovered, no hints' "$subject" "$($build/frames "$subject" recover 0 4 1 1 | cut -d' ' -f2)" '%' ''
    line '2 MiB blocks recovered, with hints' "$subject" "$($build/frames "$subject" recover 1 4 1 1 | cut -d' ' -f2)" '%' 99.9
    line 'metadata, 16 GiB' "$subject" "$($build/frames "$subject" bytes 0 16 1 1 | cut -d' ' -f2)" 'bytes a frame' 8
done
