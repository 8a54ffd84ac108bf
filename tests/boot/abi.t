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

judge()
{
    # Standard output is a pipe on both sides; that is one of the things looked at.
    "$calls" 2>&1 </dev/null | cat >"$scratch/linux"
    machine "$calls"
    equal "$1: Linux does as expected" "$(failures "$scratch/linux")" ""
    equal "$1: so does Quire" "$(failures "$scratch/out")" ""
    equal "$1: exit status" "$status" 0
    equal "$1: as many results on both" "$(count "$scratch/out" '^ok')" "$(count "$scratch/linux" '^ok')"
    check "$1: the plan is complete" grep -qx "1..$(count "$scratch/out" '^ok')" "$scratch/out"
}

for kind in 'gcc -m64' 'gcc -m32' 'musl-gcc'; do
    if can_compile $kind; then
        $kind -std=gnu11 -O1 -static -o "$calls" "$sources"/*.c || exit 1
        judge "$kind"
    else
        skip "system calls of programs built by '$kind -static'" "no such compiler or library here"
    fi
done
finish
