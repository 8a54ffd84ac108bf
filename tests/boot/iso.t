# SPDX-License-Identifier: MIT
# The same kernels from a GRUB ISO.
. "$(dirname "$0")/../harness/tap.sh"

for tool in grub-mkrescue xorriso mformat; do
    if ! command -v $tool >/dev/null 2>&1; then
        skip "starting from an ISO" "no $tool here"
        finish
    fi
done
for ARCH in i386 i386pae x86_64; do
    export ARCH
    machine --iso
    equal "$ARCH: exit status" "$status" 0
    contains "$ARCH: started by GRUB" "$scratch/out" GRUB
    contains "$ARCH: everything was shown" "$scratch/out" 'All accounts settled'
    machine --iso "$root/build/$ARCH/root/bin/hello"
    equal "$ARCH: a program of the host, as a module: exit status" "$status" 0
    check "$ARCH: the program was heard" test -s "$scratch/out"
done
finish
