#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [SUITE] - builds and runs test suites with prove: tree, host, kernel, boot; all of them without an argument.
# Two more are too long for every day: nightly (random tests, fifty times as long; fuzzers) and mutations (seeded bugs).
# coverage counts which lines of mm/ the tests run.
#
# What this machine has no tools for is left out, and named at the end once more, so that nobody takes a small success for
# a whole one.
set -u
cd "$(dirname "$0")/.." || exit 1

omitted=
. tests/harness/run32.sh

omit()
{
    echo "SKIPPED: $1 ($2)"
    omitted="$omitted
SKIPPED: $1 ($2)"
}

can_link()
{
    echo 'int main(void) { return 0; }' | "$@" -x c -o /dev/null - 2>/dev/null
}

can_link_fuzzer()
{
    printf '%s\n' '#include <stddef.h>' 'int LLVMFuzzerTestOneInput(const char *data, size_t size);' \
        'int LLVMFuzzerTestOneInput(const char *data, size_t size) { return data == NULL && size != 0; }' |
        clang -fsanitize=fuzzer,address -x c -o /dev/null - 2>/dev/null
}

have()
{
    command -v "$1" >/dev/null 2>&1
}

# add_program BUILD PROGRAM COMPILER...: builds build/host/BUILD/PROGRAM and adds it to $programs.
add_program()
{
    target=build/host/$1/$2
    shift 2
    if ! can_link "$@"; then
        omit "$target" "'$*' does not link"
    elif make -s "$target"; then
        programs="$programs $target"
    else
        return 1
    fi
}

# The unit tests and the machine in 32 bits: sanitized where this kernel runs such programs, else emulated.
suite_host_32()
{
    programs=
    status=0
    if ! builds_32 || runs_32; then
        add_program gcc-32 unit gcc -m32 "$sanitize" || status=1
        add_program clang-32 unit clang -m32 "$sanitize" || status=1
        add_program gcc-32 machine gcc -m32 "$sanitize" || status=1
        emulator=
    elif emulator=$(emulator_32); then
        omit "AddressSanitizer in 32 bits" "this kernel runs no 32-bit programs, $emulator does without it"
        add_program ubsan-32 unit gcc -m32 -fsanitize=undefined || status=1
        add_program ubsan-32 machine gcc -m32 -fsanitize=undefined || status=1
    else
        omit "build/host/*-32" "this kernel runs no 32-bit programs, and there is no qemu-i386"
    fi
    # shellcheck disable=SC2086 # a list of files
    [ -z "$programs" ] || prove -e "timeout -k 10 900 $emulator" $programs || status=1
    return $status
}

suite_host()
{
    sanitize=-fsanitize=address,undefined
    suite_host_32
    status=$?
    programs=
    add_program gcc-64 unit gcc $sanitize || status=1
    add_program clang-64 unit clang $sanitize || status=1
    add_program unchecked-64 unit gcc || status=1
    add_program gcc-64 machine gcc $sanitize || status=1
    add_program clang-64 machine clang $sanitize || status=1
    add_program gcc-64 host gcc $sanitize || status=1
    add_program clang-64 host clang $sanitize || status=1
    add_program tsan races clang -fsanitize=thread || status=1
    if can_link gcc $sanitize; then
        make -s noise && prove -e sh tests/fuzz/*.t || status=1
    fi
    if have spin; then
        prove -e sh tests/spin/run.sh || status=1
    else
        omit "tests/spin" "no spin"
    fi
    # shellcheck disable=SC2086 # a list of files
    [ -z "$programs" ] || prove -e 'timeout -k 10 900' $programs || status=1
    return $status
}

# Other numbers every day; what fails prints the seed that repeats it.
suite_nightly()
{
    QUIRE_TEST_SEED=${QUIRE_TEST_SEED:-$(date +%Y%m%d)}
    export QUIRE_TEST_SEED
    sanitize=-fsanitize=address,undefined
    status=0
    programs=
    add_program fast-64 machine gcc || status=1
    # shellcheck disable=SC2086 # a list of files
    [ -z "$programs" ] || QUIRE_TEST_EFFORT=50 prove -o -e 'timeout -k 10 3600' $programs || status=1
    programs=
    if emulator=$(emulator_32); then
        add_program fast-32 machine gcc -m32 || status=1
        # shellcheck disable=SC2086
        [ -z "$programs" ] || QUIRE_TEST_EFFORT=10 prove -o -e "timeout -k 10 3600 $emulator" $programs || status=1
    else
        omit "build/host/fast-32/machine" "32-bit programs do not run here"
    fi
    programs=
    add_program gcc-64 machine gcc $sanitize || status=1
    add_program gcc-64 unit gcc $sanitize || status=1
    # shellcheck disable=SC2086
    [ -z "$programs" ] || QUIRE_TEST_EFFORT=10 prove -o -e 'timeout -k 10 3600' $programs || status=1
    if can_link_fuzzer; then
        make -s fuzz && prove -v -e sh tests/fuzz/nightly.sh || status=1
    else
        omit "tests/fuzz/nightly.sh" "clang has no fuzzer here"
    fi
    return $status
}

suite_mutations()
{
    prove -v -e sh tests/mutations/run.sh
}

suite_coverage()
{
    prove -v -e sh tests/coverage/run.sh
}

suite_kernel()
{
    have qemu-system-x86_64 || { omit "kernel" "no qemu-system-x86_64" && return 0; }
    for ARCH in i386 i386pae x86_64; do
        make -s ARCH=$ARCH test-kernel || return 1
    done
    prove -e sh tests/kernel/*.t
}

suite_boot()
{
    have qemu-system-x86_64 || { omit "boot" "no qemu-system-x86_64" && return 0; }
    for ARCH in i386 i386pae x86_64; do
        make -s ARCH=$ARCH kernel || return 1
    done
    prove -e sh tests/boot/*.t
}

suite_tree()
{
    prove -e sh tests/tree/*.t
}

have prove || { echo "tests need prove (Debian package perl)" >&2 && exit 1; }
case ${1:-all} in
all) suites='tree host kernel boot' ;;
tree | host | kernel | boot | nightly | mutations | coverage) suites=$1 ;;
*) echo "there is no suite '$1'; there are: tree host kernel boot; nightly mutations coverage" >&2 && exit 2 ;;
esac

broken=
for suite in $suites; do
    echo "--- $suite"
    "suite_$suite" || broken="$broken $suite"
done
[ -z "$omitted" ] || echo "$omitted"
if [ -n "$broken" ]; then
    echo "FAILED:$broken"
    exit 1
fi
echo "passed: $suites"
