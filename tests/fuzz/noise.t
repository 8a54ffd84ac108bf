# SPDX-License-Identifier: MIT
# Each fuzz target on random inputs, without a fuzzer: a short run that needs no tools. `make fuzz` builds the long one.
. "$(dirname "$0")/../harness/tap.sh"

for program in "$root"/build/host/gcc-64/noise-*; do
    case $program in *.d) continue ;; esac
    check "${program##*/noise-}: $((2000 * ${QUIRE_TEST_EFFORT:-1})) random inputs" \
        timeout -k 10 600 "$program" -$((2000 * ${QUIRE_TEST_EFFORT:-1}))
done
finish
