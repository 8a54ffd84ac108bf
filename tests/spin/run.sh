# SPDX-License-Identifier: MIT
#
# run.sh - the models of this folder, checked by spin: every interleaving of the right protocol holds, and each seeded bug
# is found. TAP; part of the host suite.
. "$(dirname "$0")/../harness/tap.sh"

if ! command -v spin >/dev/null 2>&1; then
    skip "the protocols in every interleaving" "no spin here"
    finish
fi

speed=-O1 # compiling costs more than running, except where there are many states
# verify MODEL FLAG...: what pan said is in $scratch/said; true if it went through all states and found nothing.
verify()
{
    model=$root/tests/spin/$1
    shift
    mkdir -p "$scratch/pan" && cd "$scratch/pan" && rm -f -- * &&
        spin "$@" -a "$model" && gcc "$speed" -DSAFETY -o pan pan.c && timeout 120 ./pan -m100000 -w22 >pan.out 2>&1
    outcome=$?
    cd "$root" || exit 1
    cp "$scratch/pan/pan.out" "$scratch/said" || return 1
    [ $outcome -eq 0 ] && grep -q 'errors: 0$' "$scratch/said" && ! grep -q 'Search not completed\|max search depth' "$scratch/said"
}

# holds NAME MODEL FLAG...
holds()
{
    name=$1
    shift
    verify "$@"
    result $? "$name"
    sed -n 's/^ *\([0-9]*\) states, stored.*/# \1 states/p; s/^pan:1: /# /p' "$scratch/said"
}

# found NAME WORDS MODEL FLAG...: the bug is found, and in the way it should show.
found()
{
    name=$1 words=$2
    shift 2
    speed=-O0
    verify "$@"
    speed=-O1
    contains "$name is found" "$scratch/said" "$words"
}

holds "taking back what a CPU has claimed" revoke.pml
found "no fence" 'pan:1: assertion violated' revoke.pml -DNO_FENCE

holds "shootdown, 2 CPUs, 3 changes each" shootdown.pml -DCPUS=2 -DROUNDS=3
holds "shootdown, 3 CPUs, a change each" shootdown.pml -DCPUS=3 -DROUNDS=1
for cpus in 2 3; do
    for seed in FREE_BEFORE_WAIT NO_WAIT FLUSH_BEFORE_CHANGE OWN_FLUSH_FORGOTTEN; do
        found "$cpus CPUs, $seed" 'pan:1: assertion violated (tlb[look]!=frame)' shootdown.pml \
            -DCPUS=$cpus -DROUNDS=1 -D$seed
    done
    for seed in DEAF_LOCK DEAF_WAIT; do
        found "$cpus CPUs, $seed" 'pan:1: invalid end state' shootdown.pml -DCPUS=$cpus -DROUNDS=1 -D$seed
    done
done

holds "keeping translations over loads of CR3" asids.pml -DROUNDS=4
for seed in NO_FENCE INTERRUPTS_ON CHANGE_AFTER_LOOK NO_GENERATION NOTE_TAKEN_BACK_EARLY; do
    found "asids, $seed" 'pan:1: assertion violated' asids.pml -D$seed
done
finish
