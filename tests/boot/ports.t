# SPDX-License-Identifier: MIT
# The I/O address space, on QEMU (which checks the bitmap and the TSS's limit): what ioperm gives and what it does not.
. "$(dirname "$0")/../harness/tap.sh"

# judge ARCH FIRST COUNT PORT WIDTH STATUS: a process that asked for some ports reads one.
judge()
{
    machine "$root/build/$1/root/bin/ports" grant "$2" "$3" "$4" "$5"
    equal "$1: of $3 from $2 allowed, $5 bytes at $4: status $6" "$status" "$6"
}

for ARCH in i386 i386pae x86_64; do
    export ARCH
    make -C "$root" -s kernel >/dev/null 2>&1
    machine "$root/build/$ARCH/root/bin/ports"
    equal "$ARCH: calls at their edges, and ports in use" "$status" 0
    check "$ARCH: all of its checks ran" grep -q '^1\.\.17' "$scratch/out"
    check "$ARCH: none of them failed" sh -c '! grep "^not ok" "$1"' - "$scratch/out"

    machine "$root/build/$ARCH/root/bin/ports" touch 0x80
    equal "$ARCH: no port is allowed at first" "$status" 139
    contains "$ARCH: the death is told in words" "$scratch/err" 'general protection'

    judge $ARCH 0x80 4 0x82 2 0
    judge $ARCH 0x80 4 0x82 4 139
    judge $ARCH 0x7f 1 0x7f 2 139
    judge $ARCH 0xffff 1 0xffff 1 0
    judge $ARCH 0xfffe 2 0xffff 2 139
    judge $ARCH 0xfffc 4 0xfffc 4 0
done

finish
