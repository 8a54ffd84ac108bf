# SPDX-License-Identifier: MIT
#
# nightly.sh - each fuzz target under libFuzzer, from the seeds of corpus/ on, for a minute or QUIRE_FUZZ_SECONDS. TAP.
#
# Words that a target's inputs are made of stand in dictionaries/TARGET, if there are any.
#
# What it finds on the way is kept in build/fuzz/TARGET, where the next run goes on. An input that breaks something is left in
# build/fuzz/broken-TARGET-*; run it again by build/host/fuzz/fuzz-TARGET FILE.
. "$(dirname "$0")/../harness/tap.sh"

seconds=${QUIRE_FUZZ_SECONDS:-60}
found=$root/build/fuzz
check "the seeds can be read" perl "$root/tests/fuzz/corpus/pack.pl" "$scratch/seeds"
for program in "$root"/build/host/fuzz/fuzz-*; do
    case $program in *.d) continue ;; esac
    target=${program##*/fuzz-}
    mkdir -p "$found/$target"
    words=
    [ ! -f "$root/tests/fuzz/dictionaries/$target" ] || words=-dict=$root/tests/fuzz/dictionaries/$target
    check "$target: $seconds seconds" timeout -k 10 $((seconds + 120)) "$program" -max_total_time="$seconds" \
        -seed="${QUIRE_TEST_SEED:-0}" -artifact_prefix="$found/broken-$target-" -print_final_stats=1 ${words:+"$words"} \
        "$found/$target" "$scratch/seeds/$target"
done
finish
