#!/bin/sh
# SPDX-License-Identifier: MIT
#
# segmentation.sh [--tsv] - table "segmentation": the same processes placed by segments and by pages.
#
# 100,000 starts, growths and ends in 16 MiB, about 13 of them wanted at any time; nothing is measured by the clock, so the
# figures repeat exactly. External fragmentation: how much of the free memory no single segment could have. Internal: how
# much of the memory that is held nobody asked for, page tables included. "moved" is what copying costs. The switches of
# memory are counted inside the 32-bit kernel, in instructions.
#
# --tsv: one line a figure: table, row, subject, value, unit, target, separated by tabs.
set -u
cd "$(dirname "$0")/.." || exit 1
command -v gcc >/dev/null 2>&1 || { echo "segmentation: gcc is missing: nothing is measured" >&2 && exit 77; }
build=build/bench
mkdir -p $build
gcc -std=c11 -Wall -Wextra -Werror -O2 -DQUIRE_HOST -Iinclude -iquote mm -iquote kernel -o $build/segmentation \
    bench/segmentation/*.c kernel/arena_trace.c mm/segmentation/arena.c mm/pmm/*.c mm/event.c mm/status.c || exit 1

switches()
{
    command -v qemu-system-x86_64 >/dev/null 2>&1 || return 0
    ARCH=i386 timeout -k 10 120 ./quire run --icount --word bench=switch </dev/null >$build/segmentation.out || {
        echo "bench segmentation: the kernel did not finish" >&2
        return 1
    }
    tr -d '\r' <$build/segmentation.out |
        awk -F '\t' -v OFS='\t' '$1 == "bench" { sub(/switch by /, "", $2); sub(/:.*/, "", $2); print "switch of memory", $2, $3, $4 }'
}

{ $build/segmentation && switches; } | awk -F '\t' -v OFS='\t' '{ print "segmentation", $1, $2, $3, $4, "" }' |
    if [ "${1:-}" = --tsv ]; then
        cat
    else
        awk -F '\t' '
            { if (!($2 in line)) row[++rows] = $2
              line[$2] = line[$2] sprintf("  %-24s %10s %s\n", $3, $4, $5) }
            END { for (i = 1; i <= rows; i++) printf "%s\n%s", row[i], line[row[i]] }'
    fi
