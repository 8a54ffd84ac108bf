# SPDX-License-Identifier: MIT
# Twelve classic mistakes of a program: each ends it, and the kernel names it.
. "$(dirname "$0")/../harness/tap.sh"

explained()
{
    machine "$root/build/$ARCH/root/bin/mistakes" "$1"
    equal "$ARCH, mistake $1: ends with SIGSEGV" "$status" 139
    contains "$ARCH, mistake $1: is named" "$scratch/err" "likely: $2"
}

for ARCH in i386 i386pae x86_64; do
    export ARCH
    explained 1 'a null pointer'
    explained 2 'a null pointer'
    explained 3 'a small negative number used as a pointer'
    explained 4 'nothing was ever promised here'
    explained 5 'a write to what is read-only'
    [ "$ARCH" = i386 ] || explained 6 'a jump into data' # two-level paging has no NX
    explained 7 'a guard page: a stack has outgrown its room'
    explained 8 'nothing was ever promised here'
    explained 9 'the page is there, but all access to it was taken away'
    explained 10 "a program reaches for the kernel's"
    explained 11 'an instruction that ring 0 alone may execute'
    if [ "$ARCH" = x86_64 ]; then
        explained 12 'rax holds 0x8000000000000, which is no address'
    else
        explained 12 "it lies beyond the table's limit"
    fi
done
finish
