# SPDX-License-Identifier: MIT
# Floating-point state on CPUs of two ages, in bochs, which raises pending exceptions where the manual says so: nothing of one
# process acts on the next, nor on the kernel. And what those CPUs hold at start.
. "$(dirname "$0")/../harness/tap.sh"
. "$(dirname "$0")/../harness/bochs.sh"

# judge ARCH CPU: three tests of the suite fpu, five of registers.
judge()
{
    ARCH=$1
    BOCHS_CPU=$2
    test_in_bochs "test=fpu,registers lf"
    equal "$1 on $2: as many answers as tests" "$(grep -cE '^(not )?ok ' "$scratch/tap")" 8
    check "$1 on $2: all good" sh -c '! grep "^not ok" "$1"' - "$scratch/tap"
    grep '^#' "$scratch/tap" | head -n 5
}

judge i386 p2_klamath
judge i386 p3_katmai
judge i386pae corei7_skylake_x
judge x86_64 corei7_skylake_x
finish
