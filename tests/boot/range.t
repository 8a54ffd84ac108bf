# SPDX-License-Identifier: MIT
# No call costs more than its own range: in an area that doubles ten times around it, it takes as many instructions.
. "$(dirname "$0")/../harness/tap.sh"

# One test for each call: eleven sizes, and no figure more than a twentieth above the least.
on()
{
    ARCH=$1
    export ARCH
    program=$scratch/range-$1
    gcc -std=c11 -Wall -Wextra -Werror -O1 -m"$2" -static -nostdlib -ffreestanding -fno-stack-protector -fno-pic -no-pie \
        -Wl,--build-id=none -iquote "$root/bench/vm" -include "$root/bench/vm/call_$3.h" -o "$program" \
        "$root/tests/boot/programs/range.c" || exit 1
    machine --icount --quiet "$program"
    equal "$1: it ran to its end" "$status" 0
    tr -d '\r' <"$scratch/out" >"$scratch/lines"
    sed -n 's/^bench\t\([^\t]*\)\t.*/\1/p' "$scratch/lines" | awk '!seen[$0]++' >"$scratch/names"
    equal "$1: its calls" "$(wc -l <"$scratch/names" | tr -d ' ')" 13
    while read -r call; do
        check "$1: $call" awk -F '\t' -v call="$call" '
            $1 == "bench" && $2 == call {
                figures = figures " " $3
                if (count++ == 0 || $3 < least) least = $3
                if ($3 > most) most = $3
            }
            END {
                print "instructions, from 16 pages to 16,384:" figures
                exit count != 11 || least < 1 || most * 20 > least * 21
            }' "$scratch/lines"
    done <"$scratch/names"
}

if ! command -v gcc >/dev/null 2>&1; then
    skip "calls cost their own range" "no gcc here"
    finish
fi
on x86_64 64 x86_64
if can_compile gcc -m32; then
    on i386pae 32 i386
    on i386 32 i386
else
    skip "calls on 32-bit kernels cost their own range" "gcc cannot build 32-bit programs here"
fi
finish
