# SPDX-License-Identifier: MIT
# The I/O address space, on QEMU (which checks the bitmap and the TSS's limit): what the boot words give, what ioperm gives of
# it, and what nobody gets.
. "$(dirname "$0")/../harness/tap.sh"

# judge ARCH FIRST COUNT PORT WIDTH STATUS: a process that asked for some ports reads one. Status 3: it does not get them.
judge()
{
    machine --ports 0x300-0x31f --ports 0x320-0x33f "$root/build/$1/root/bin/ports" grant "$2" "$3" "$4" "$5"
    equal "$1: of $3 from $2 allowed, $5 bytes at $4: status $6" "$status" "$6"
}

# never FIRST-LAST SENTENCE: even the boot words do not give these.
never()
{
    machine --ports "$1" "$root/build/$ARCH/root/bin/ports" grant "${1%-*}" 1 "${1%-*}" 1
    equal "$ARCH: $1 cannot be given: status" "$status" 3
    contains "$ARCH: $1 cannot be given: in words" "$scratch/err" "$2"
}

for ARCH in i386 i386pae x86_64; do
    export ARCH
    make -C "$root" -s kernel >/dev/null 2>&1
    machine --ports 0x300-0x33f "$root/build/$ARCH/root/bin/ports"
    equal "$ARCH: calls at their edges, and ports in use" "$status" 0
    check "$ARCH: all of its checks ran" grep -q '^1\.\.20' "$scratch/out"
    check "$ARCH: none of them failed" sh -c '! grep "^not ok" "$1"' - "$scratch/out"

    machine --ports 0x300 "$root/build/$ARCH/root/bin/ports" touch 0x300
    equal "$ARCH: no port is allowed at first" "$status" 139
    contains "$ARCH: the death is told in words" "$scratch/err" 'general protection'

    judge $ARCH 0x300 4 0x302 2 0
    judge $ARCH 0x300 4 0x302 4 139
    judge $ARCH 0x301 1 0x301 2 139
    judge $ARCH 0x33f 1 0x33f 1 0
    judge $ARCH 0x33e 2 0x33f 2 139
    judge $ARCH 0x33c 4 0x33c 4 0
    judge $ARCH 0x2ff 1 0x2ff 1 3
    judge $ARCH 0x340 1 0x340 1 3
    judge $ARCH 0x33f 2 0x33f 2 3

    machine "$root/build/$ARCH/root/bin/ports" grant 0x300 1 0x300 1
    equal "$ARCH: without a word nobody gets a port" "$status" 3
    machine "$root/build/$ARCH/root/bin/ports" levels
    equal "$ARCH: nor all of them, by iopl" "$status" 3
    machine --ports 0x300 "$root/build/$ARCH/root/bin/ports" forge
    equal "$ARCH: a level does not open the ways to end the machine" "$status" 139
done

never 0x00-0x0f 'DMA'
never 0x20-0x21 'interrupts'
never 0x40-0x43 'the system board'
never 0x64-0x64 'reset'
never 0x80-0x8f 'the system board'
never 0xe9-0xe9 'the system board'
never 0xf4-0xf4 'the system board'
never 0x1f0-0x1f7 'a disk controller'
never 0x2e8-0x2ef 'serial port 4: events'
never 0x2f8-0x2ff 'serial port 2'
never 0x3e8-0x3ef 'serial port 3'
never 0x3f8-0x3ff 'serial port 1'
never 0x4d0-0x4d1 'PCI and ACPI'
never 0x510-0x51b 'PCI and ACPI'
never 0x604-0x605 'PCI and ACPI'
never 0xcf8-0xcff 'PCI and ACPI'
never 0xb004-0xb005 'PCI and ACPI'
never 0xffff-0xffff 'PCI and ACPI'

machine --ports 0x300-0x3ff "$root/build/$ARCH/root/bin/ports"
equal "what remains of a range is given" "$status" 1
contains "as the program finds out" "$scratch/out" 'not ok 10 - partly beside what is given'
for nonsense in 0x300- 3x0 0x340-0x300 -5 0x10000 0x300,,; do
    machine --ports "$nonsense" "$root/build/$ARCH/root/bin/ports" grant 0x340 1 0x340 1
    equal "'$nonsense' gives nothing that was not meant" "$status" 3
    contains "'$nonsense' is refused in words" "$scratch/err" 'is no range of ports'
done

finish
