# SPDX-License-Identifier: MIT
# A write fault beside pages that have been touched: few functions, few lines, one way down, and one word written.
. "$(dirname "$0")/../harness/tap.sh"

# at_most NAME WORD BOUND
at_most()
{
    value=$(awk -v word="$2" '$1 == word { print $2 }' "$scratch/counts")
    [ "${value:-1000000}" -gt 0 ] && [ "${value:-1000000}" -le "$3" ]
    result $? "$1: at most $3"
    sed 's/^/# /' "$scratch/counts"
}

for tool in gcc valgrind addr2line; do
    command -v $tool >/dev/null 2>&1 || {
        skip "a warm fault" "no $tool here"
        finish
    }
done
for format in x86_4level x86_pae x86_32; do
    check "$format: a fault is traced" sh -c "sh '$root/tests/tree/warm-fault.sh' $format '$scratch' >'$scratch/counts'"
    at_most "$format: functions that are called" entered 12
    at_most "$format: lines that run" lines 150
    contains "$format: the fault is in the trace" "$scratch/fault.path" "quire_vmm_fault"
done
equal "x86_32: words of tables, each read once" "$(grep '^words' "$scratch/counts")" "words read 2 written 1"
finish
