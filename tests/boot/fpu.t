# SPDX-License-Identifier: MIT
# Floating-point state on CPUs of two ages, in bochs, which raises pending exceptions where the manual says so: nothing of one
# process acts on the next, nor on the kernel. And what those CPUs hold at start.
. "$(dirname "$0")/../harness/tap.sh"
. "$(dirname "$0")/../harness/bochs.sh"

# judge ARCH CPU SUITE TESTS
judge()
{
    ARCH=$1
    BOCHS_CPU=$2
    test_in_bochs "test=$3 lf"
    equal "$1 on $2: suite $3: as many answers as tests" "$(grep -cE '^(not )?ok ' "$scratch/tap")" "$4"
    check "$1 on $2: suite $3: all good" sh -c '! grep "^not ok" "$1"' - "$scratch/tap"
    grep '^#' "$scratch/tap" | head -n 5
}

for suite in 'fpu 3' 'registers 5'; do
    # shellcheck disable=SC2086 # a suite, and how many tests it has
    {
        judge i386 p2_klamath $suite
        judge i386 p3_katmai $suite
        judge i386pae corei7_skylake_x $suite
        judge x86_64 corei7_skylake_x $suite
    }
done
finish
