# SPDX-License-Identifier: MIT
# Each fuzz target without a fuzzer, which needs no tools: on every seed of corpus/, and on random inputs for a short while.
# `make fuzz` builds the long run, which nightly.sh makes.
. "$(dirname "$0")/../harness/tap.sh"

# all_seeds PROGRAM FOLDER: each by itself, so that one that fails is named.
all_seeds()
{
    [ -d "$2" ] || { echo "there are none" && return 1; }
    for seed in "$2"/*; do
        timeout -k 10 60 "$1" "$seed" || { echo "failed: $seed" && return 1; }
    done
}

check "the seeds can be read" perl "$root/tests/fuzz/corpus/pack.pl" "$scratch/seeds"
for program in "$root"/build/host/gcc-64/noise-*; do
    case $program in *.d) continue ;; esac
    target=${program##*/noise-}
    inputs=$((2000 * ${QUIRE_TEST_EFFORT:-1}))
    case $target in cursor | heap | vmm) inputs=$((inputs / 5)) ;; esac # each is a machine, with many calls
    check "$target: its seeds" all_seeds "$program" "$scratch/seeds/$target"
    check "$target: $inputs random inputs" timeout -k 10 600 "$program" -$inputs
done
finish
