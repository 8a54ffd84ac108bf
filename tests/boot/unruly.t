# SPDX-License-Identifier: MIT
# The kernel's own jobs, with programs that do not do what they are there for: a verdict, never a panic.
. "$(dirname "$0")/../harness/tap.sh"

source=$(dirname "$0")/programs/unruly.c

# put NAME WHAT: a root whose /bin/NAME does WHAT.
put()
{
    rm -rf "$scratch/root"
    mkdir -p "$scratch/root/bin"
    # shellcheck disable=SC2086
    $kind -O1 -static -nostdlib -fno-pie -no-pie "-DUNRULY=$2" -o "$scratch/root/bin/$1" "$source" || exit 1
}

# survives NAME WHAT: the tour comes to its verdict, which is no good one, and nothing is lost.
survives()
{
    put "$1" "$2"
    machine --root "$scratch/root"
    equal "$ARCH: the tour, $1 $2: status" "$status" 1
    contains "$ARCH: the tour, $1 $2: every frame is back" "$scratch/out" \
        "as many frames used as before the first process            yes"
}

for ARCH in x86_64 i386 i386pae; do
    export ARCH
    kind='gcc -m32'
    [ $ARCH != x86_64 ] || kind='gcc -m64'
    for what in waits stops crashes exits; do
        survives alloc5 $what
        [ $ARCH = x86_64 ] || continue
        survives isolate $what
        survives trespass $what
    done
    put alloc5 waits
    machine --root "$scratch/root" --word check
    equal "$ARCH: check, alloc5 waits: status" "$status" 1
    contains "$ARCH: check, alloc5 waits: told" "$scratch/out" "waits for a signal, and nobody is there"
    contains "$ARCH: check, alloc5 waits: every frame is back" "$scratch/out" "as many frames free as before: ok"
done
finish
