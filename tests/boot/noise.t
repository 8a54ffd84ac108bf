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
    machine --quiet "$@"
    case $status in
    0) contains "$name: to its end" "$scratch/out" 'the end' ;;
    137 | 139) result 0 "$name: for want of memory the program dies, not the kernel" ;;
    *)
        result 1 "$name: status $status"
        grep -v ENOSYS "$scratch/err" | tail -n 20 | sed 's/^/# /'
        ;;
    esac
}

for kind in 'gcc -m64' 'gcc -m32'; do
    if can_compile $kind; then
        $kind -O1 -static -o "$noise" "$source" || exit 1
        for seed in 1 2 3; do
            stands "$kind: seed $seed" "$noise" $seed "$count"
            stands "$kind: seed $seed in 16 MiB" --mem 16M "$noise" $seed "$count"
        done
    else
        skip "random system calls by a program built by '$kind -static'" "no such compiler or library here"
    fi
done
finish
