# SPDX-License-Identifier: MIT
# What a CPU holds when the kernel starts is not trusted: programs that look for it find nothing, on CPUs with and without what
# would stop them otherwise, and with and without isolation; and the kernel's own table of registers, read back.
. "$(dirname "$0")/../harness/tap.sh"

source=$(dirname "$0")/programs/gates.c

build()
{
    gcc "$1" -std=gnu11 -O1 -static -nostdlib -no-pie -fno-pic -fno-stack-protector -mgeneral-regs-only -o "$scratch/gates" \
        "$source" || exit 1
}

# ends STATUS NAME OPTIONS...: the program of that name, on that machine.
ends()
{
    wanted=$1
    try=$2
    shift 2
    machine "$@" "$scratch/gates" "$try"
    equal "$ARCH, $*: $try" "$status" "$wanted"
}

attack()
{
    ends 0 low "$@"
    ends 0 look "$@"
    ends 139 call "$@"
}

# registers OPTIONS...: the suite of that name in the kernel.
registers()
{
    machine "$@" --tests registers
    equal "$ARCH, $*: every register holds what the table says" "$status" 0
    check "$ARCH, $*: and all of them were looked at" sh -c '[ "$(grep -c "^ok" "$1")" -ge 5 ] && ! grep "^not ok" "$1"' - \
        "$scratch/out"
    grep '^# ' "$scratch/out" | head -n 5
}

ARCH=x86_64
export ARCH
build -m64
for cpu in qemu64 SandyBridge EPYC; do
    for word in kpti nokpti; do
        attack --cpu $cpu --word $word
    done
    registers --cpu $cpu
done
ends 139 sysenter --cpu SandyBridge
registers --cpu max,la57=off

build -m32
for ARCH in i386 i386pae; do
    attack --cpu qemu64
    ends 139 sysenter --cpu qemu64
    ends 132 syscall --cpu qemu64
    registers --cpu qemu64
    registers
done
ARCH=i386
attack --cpu pentium3
for cpu in pentium3 pentium2,-fxsr; do
    ends 139 sysenter --cpu $cpu
    registers --cpu $cpu
done
finish
