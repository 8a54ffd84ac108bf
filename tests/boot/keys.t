# SPDX-License-Identifier: MIT
# Protection keys, from a program's side: it closes pages of its own, to itself and to what the kernel does in its name.
. "$(dirname "$0")/../harness/tap.sh"

keys=$scratch/keys
source=$(dirname "$0")/programs/keys.c

# lives MODE: all that it expects is so.
lives()
{
    machine "$keys" "$1"
    equal "$ARCH: $1" "$status, $(grep '^line' "$scratch/out")" "0, "
}

# dies MODE KEY: a page fault ends it, and the report names the key.
dies()
{
    machine "$keys" "$1"
    equal "$ARCH: $1" "$status" 139
    equal "$ARCH: $1: nothing was done" "$(cat "$scratch/out")" ""
    contains "$ARCH: $1: the key is named" "$scratch/err" "its protection key forbids it"
    contains "$ARCH: $1: by its number" "$scratch/err" "PKRU forbids it to pages of protection key $2"
}

ARCH=x86_64
export ARCH
gcc -m64 -O1 -static -o "$keys" "$source" || exit 1
lives alloc
lives copies
equal "$ARCH: copies: what may be written is" "$(cat "$scratch/out")" "secret
secret
secret"
lives keeps
lives moves
lives executes
dies reads 1
dies writes 1
dies promised 1
dies own-stack 0

if can_compile gcc -m32; then
    gcc -m32 -O1 -static -o "$keys" "$source" || exit 1
    for ARCH in i386 i386pae; do
        lives none
    done
else
    skip "keys on 32-bit kernels" "gcc cannot build 32-bit programs here"
fi
finish
