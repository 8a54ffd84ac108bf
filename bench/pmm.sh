#!/bin/sh
# SPDX-License-Identifier: MIT
#
# pmm.sh - frames, beside the allocators that everybody writes first and the one that Linux has.
#
# Instructions are counted by callgrind inside the allocators, without the harness: they repeat exactly. The library is
# built as a kernel would for speed: no events, and its index of the CPU without a call. Locked instructions are
# counted by a second build, over the same calls. Times are processor time, the least of several runs, harness included; only
# their ratio within one run means anything. With two threads only that counts which both ran at once. Where takes and gives
# alternate (repeat, random), each time is half of a pair's. What the rows do is said in bench/frames/bench.c.
#
#   pmm.sh [--tsv]     --tsv: table, row, subject, value, unit, target, with tabs between

set -eu

cd "$(dirname "$0")/.."
table=pmm
columns='  %-42s %-10s %12s %-13s %s\n'
. bench/table.inc

with_blocks="quire next-fit buddy buddy-cpu"
subjects="quire next-fit free-list buddy buddy-cpu"
turns=2
flags="-std=c11 -Wall -Wextra -Werror -O2 -fno-pie -no-pie -ftls-model=local-exec -DQUIRE_HOST -DQUIRE_EVENTS=0
    -DQUIRE_PORT_CPU=bench_cpu -include bench/frames/cpu.h -Iinclude -iquote mm -iquote bench/frames"
sources="bench/frames/*.c mm/pmm/*.c mm/event.c mm/status.c"
# shellcheck disable=SC2086 # lists of words
gcc $flags -o $build/frames $sources -lpthread
# shellcheck disable=SC2086
gcc $flags -include bench/frames/counted.h -o $build/frames-counted $sources -lpthread

# collected FUNCTION SUBJECT ROW ORDER GIB PAIRS: instructions a call of the subject's own function, take or give
collected()
{
    case $1-$2 in
    take-quire) toggle=quire_pmm_alloc ;;
    give-quire) toggle=quire_pmm_free ;;
    *) toggle=$(echo "$2" | sed 's/-/_/g')_$1 ;;
    esac
    valgrind --tool=callgrind --toggle-collect="$toggle" --callgrind-out-file=/dev/null \
        $build/frames "$2" "$3" "$4" "$5" 1 "$6" 2>&1 |
        awk '/^[0-9]+ / { made = $1 } /Collected :/ { printf "%.0f\n", $4 / made }'
}

# count_instructions TITLE ROW ORDER GIB PAIRS TARGET [SUBJECTS] [LOCKED-TARGET]: of a pair, and of its two halves
count_instructions()
{
    for subject in ${7:-$subjects}; do
        take=$(collected take "$subject" "$2" "$3" "$4" "$5")
        give=$(collected give "$subject" "$2" "$3" "$4" "$5")
        line "$1, a pair" "$subject" $((take + give)) instructions "$6"
        line "$1, a take" "$subject" "$take" instructions ''
        line "$1, a give" "$subject" "$give" instructions ''
        line "$1, a pair" "$subject" "$($build/frames-counted "$subject" "$2" "$3" "$4" 1 "$5" | cut -d' ' -f4)" locked \
            "${8:-}"
    done
}

# count_takes TITLE ROW ORDER GIB PAIRS TARGET [SUBJECTS]: takes alone, instructions and locked ones over the same calls
count_takes()
{
    for subject in ${7:-$subjects}; do
        line "$1" "$subject" "$(collected take "$subject" "$2" "$3" "$4" "$5")" instructions "$6"
        line "$1" "$subject" "$($build/frames-counted "$subject" "$2" "$3" "$4" 1 "$5" | cut -d' ' -f4)" locked ''
    done
}

# measure_times TITLE ROW ORDER GIB THREADS PAIRS TARGET TARGET-TAKE TARGET-GIVE [SUBJECTS]: a pair, and its halves; "-"
# where the threads did not run at once for long enough, which a busy machine does not grant
measure_times()
{
    for subject in ${10:-$subjects}; do
        turn=0
        while [ $turn -lt $turns ]; do
            $build/frames "$subject" "$2" "$3" "$4" "$5" "$6"
            turn=$((turn + 1))
        done | awk '
            $2 == "-" { next }
            !seen++ || $2 + $3 < take + give { take = $2; give = $3 }
            END { if (seen) printf "%.1f %.1f\n", take, give; else print "- -" }' |
            while read -r take give; do
                line "$1, a pair" "$subject" "$(echo "$take $give" | awk '{ print $1 == "-" ? "-" : $1 + $2 }')" ns "$7"
                line "$1, a take" "$subject" "$take" ns "$8"
                line "$1, a give" "$subject" "$give" ns "$9"
            done
    done
}

count_instructions 'repeat, order 0' repeat 0 4 20000 55 '' 0
count_instructions 'bulk, order 0' bulk 0 4 100000 ''
count_instructions 'random at 90 %, order 0' random 0 4 20000 ''
count_instructions 'churn at 70 %, order 0' churn 0 4 51200 ''
count_takes 'take at 99 %, 4 GiB' full 0 4 40000 250
count_takes 'take at 99 %, 1 TiB' scattered 0 1024 20000 250 quire
count_takes 'take of a frame, the next 16 GiB away' islands 0 1024 20000 '' quire
count_instructions 'repeat, order 9' repeat 9 4 5000 '' "$with_blocks" 4
count_instructions 'bulk, order 9' bulk 9 4 2000 '' "$with_blocks" 4

measure_times 'repeat, order 0' repeat 0 4 1 300000 3 '' ''
measure_times 'bulk, order 0' bulk 0 4 1 300000 '' 2 2.5
measure_times 'bulk, order 0, 2 CPUs' bulk 0 4 2 200000 '' 2.2 2.8
measure_times 'random at 90 %, 4 GiB' random 0 4 1 300000 10 '' ''
measure_times 'random at 90 %, 16 GiB' random 0 16 1 300000 35 '' ''
measure_times 'churn at 70 %, 4 GiB' churn 0 4 1 300000 17 '' ''
measure_times 'churn at 70 %, 16 GiB' churn 0 16 1 300000 30 '' ''
measure_times 'churn at 70 %, 4 GiB, 2 CPUs' churn 0 4 2 200000 20 '' ''
measure_times 'bulk, order 9' bulk 9 4 1 30000 '' 9 7 "$with_blocks"

for subject in $subjects; do
    line 'ready, 16 GiB' "$subject" "$($build/frames "$subject" start 0 16 1 3 | awk '{ printf "%.0f", $2 }')" ns 7000
    line '2 MiB blocks recovered, no hints' "$subject" "$($build/frames "$subject" recover 0 4 1 1 | cut -d' ' -f2)" '%' ''
    line '2 MiB blocks recovered, with hints' "$subject" "$($build/frames "$subject" recover 1 4 1 1 | cut -d' ' -f2)" '%' 99.9
    line 'metadata, 16 GiB' "$subject" "$($build/frames "$subject" bytes 0 16 1 1 | cut -d' ' -f2)" 'bytes a frame' 4.7
done
