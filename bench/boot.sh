#!/bin/sh
# SPDX-License-Identifier: MIT
#
# boot.sh [--tsv] - table "boot": instructions from the kernel's entry to its allocators ready, and of each step of the
# walk, at 512 MiB. The machine counts instructions in its time-stamp counter, so the figures repeat exactly.
#
# --tsv: one line a figure: table, row, subject, value, unit, target, separated by tabs.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

for ARCH in i386 i386pae x86_64; do
    ARCH=$ARCH timeout -k 10 300 "$root/quire" run --icount --mem 512M --word bench </dev/null >"$answer" || {
        echo "bench boot: the $ARCH kernel did not finish" >&2
        exit 1
    }
    tr -d '\r' <"$answer" | awk -F '\t' -v OFS='\t' -v subject="$ARCH" \
        '$1 == "bench" { print "boot", $2, subject, $3, $4, $5 }'
done | if [ "${1:-}" = --tsv ]; then
    cat
else
    awk -F '\t' '
        { if (!($2 in seen)) { seen[$2] = 1; row[++rows] = $2 } value[$2, $3] = $4; unit[$2] = $5; target[$2] = $6 }
        END {
            printf "%-46s %12s %12s %12s  %s\n", "boot, at 512 MiB", "i386", "i386pae", "x86_64", "to reach"
            for (i = 1; i <= rows; i++) {
                r = row[i]
                printf "%-46s %12s %12s %12s  %s\n", r, value[r, "i386"], value[r, "i386pae"], value[r, "x86_64"],
                    target[r]
                if (unit[r] != "instructions") odd = unit[r]
            }
            print "(" (odd ? odd : "instructions") ")"
        }'
fi
