# SPDX-License-Identifier: MIT
# System calls at random, in a machine with plenty of memory and in one with little: the kernel stands.
. "$(dirname "$0")/../harness/tap.sh"

noise=$scratch/noise
source=$(dirname "$0")/programs/noise.c
count=${NOISE:-20000}

# stands NAME ARGUMENTS...
stands()
{
    name=$1
    shift
    machine --quiet --word account "$@"
    case $status in
    0) contains "$name: to its end, and every frame is back" "$scratch/out" 'the end' ;;
    125)
        result 1 "$name: frames are lost"
        grep '^quire:' "$scratch/err" | tail -n 3 | sed 's/^/# /'
        ;;
    137) result 0 "$name: for want of memory the program dies, and every frame is back" ;;
    *)
        result 1 "$name: status $status"
        grep -v ENOSYS "$scratch/err" | tail -n 20 | sed 's/^/# /'
        ;;
    esac
}

for ARCH in x86_64 i386 i386pae; do
    export ARCH
    kind='gcc -m32'
    [ $ARCH != x86_64 ] || kind='gcc -m64'
    if can_compile $kind; then
        $kind -O1 -static -o "$noise" "$source" || exit 1
        for seed in 1 2 3; do
            stands "$ARCH: seed $seed" "$noise" $seed "$count"
            stands "$ARCH: seed $seed in 16 MiB" --mem 16M "$noise" $seed "$count"
        done
    else
        skip "random system calls by a program built by '$kind -static'" "no such compiler or library here"
    fi
done
finish
