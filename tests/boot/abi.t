# SPDX-License-Identifier: MIT
# System calls: one program asks for several hundred results, on Linux and on Quire, and gets the same ones.
. "$(dirname "$0")/../harness/tap.sh"

calls=$scratch/calls
sources=$(dirname "$0")/../abi

# count FILE PATTERN
count()
{
    grep -c "$2" "$1"
}

# failures FILE: the lines of what went wrong.
failures()
{
    grep -A 1 '^not ok' "$1"
}

# judge COMPILER FLAGS...
judge()
{
    machine "$calls"
    equal "$*: Quire does as expected" "$(failures "$scratch/out")" ""
    equal "$*: exit status" "$status" 0
    if can_run "$@"; then
        # Standard output is a pipe on both sides; that is one of the things looked at.
        "$calls" 2>&1 </dev/null | cat >"$scratch/linux"
        equal "$*: so does Linux" "$(failures "$scratch/linux")" ""
        equal "$*: as many results on both" "$(count "$scratch/out" '^ok')" "$(count "$scratch/linux" '^ok')"
    else
        skip "$*: so does Linux" "this one does not run such programs"
    fi
    check "$*: the plan is complete" grep -qx "1..$(count "$scratch/out" '^ok')" "$scratch/out"
}

for kind in 'gcc -m64' 'gcc -m32' 'musl-gcc'; do
    if can_compile $kind; then
        $kind -std=gnu11 -O1 -static -o "$calls" "$sources"/*.c || exit 1
        judge $kind
    else
        skip "system calls of programs built by '$kind -static'" "no such compiler or library here"
    fi
done
finish
