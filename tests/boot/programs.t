# SPDX-License-Identifier: MIT
# Programs that others could have written: static glibc and musl executables, started from the host.
. "$(dirname "$0")/../harness/tap.sh"

speak=$scratch/speak

# dies MODE STATUS: the program ends by a signal, and the kernel says so in words on standard error.
dies()
{
    machine "$speak" "$1"
    equal "$kind: '$1' ends with status $2" "$status" "$2"
}

# on_linux MODE: what Linux makes of it, in $scratch/linux-MODE. Where it does not run such programs, what it has made of
# the 64-bit one stays there.
on_linux()
{
    ! can_run $kind || "$speak" "$1" >"$scratch/linux-$1" 2>/dev/null
}

judge()
{
    kind=$1
    for wanted in 0 7 255; do
        machine "$speak" exit $wanted
        equal "$kind: exit status $wanted is passed on" "$status" $wanted
        equal "$kind: nothing else is written" "$(cat "$scratch/out" "$scratch/err")" ""
    done

    machine --env COLOUR=blue "$speak" words 'two words' ''
    equal "$kind: words: status" "$status" 0
    contains "$kind: argument 0 is the program as it was called" "$scratch/out" "argument 0: $speak"
    contains "$kind: an argument with a blank stays one" "$scratch/out" "argument 2: two words"
    contains "$kind: an empty argument stays" "$scratch/out" "argument 3: "
    contains "$kind: --env reaches the program" "$scratch/out" "environment: COLOUR=blue"

    on_linux bytes
    machine "$speak" bytes
    check "$kind: every byte arrives as it is" cmp "$scratch/out" "$scratch/linux-bytes"

    for mode in allocate stack missing; do
        on_linux $mode
        machine "$speak" $mode
        equal "$kind: $mode: status" "$status" 0
        [ $mode = missing ] || check "$kind: $mode: the same output as on Linux" cmp "$scratch/out" "$scratch/linux-$mode"
    done
    contains "$kind: a system call that is not there answers ENOSYS" "$scratch/out" "result -1, ENOSYS"

    machine "$speak" map
    equal "$kind: map: ends by touching what it unmapped" "$status" 139
    contains "$kind: map: worked until then" "$scratch/out" mapped

    dies wild 139
    contains "$kind: the death is told in words" "$scratch/err" 0x12345678
    contains "$kind: what the program said before stands" "$scratch/err" "about to: wild"
    dies null 139
    dies kernel 139
    dies constant 139
    dies privileged 139
    dies illegal 132
    dies divide 136
    dies abort 134
}

source=$(dirname "$0")/programs/speak.c
for kind in 'gcc -m64' 'gcc -m32' 'musl-gcc'; do
    if can_compile $kind; then
        $kind -O1 -static -o "$speak" "$source" || exit 1
        judge "$kind"
    else
        skip "programs built by '$kind -static'" "no such compiler or library here"
    fi
done
finish
