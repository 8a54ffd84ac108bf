#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [SUITE] - builds and runs test suites with prove: tree, host, kernel, boot; all of them without an argument.
# More are too long for every day: nightly (random tests, fifty times as long; fuzzers; the benches; fresh), fresh (all of it in
# a Debian that has nothing yet) and mutations (seeded bugs). coverage counts which lines of mm/ the tests run.
#
# Two programs, or two machines, run at a time, since nearly all of them use one CPU. So everything is built before, and what
# a test builds itself it builds under the lock that ./quire takes.
#
# What this machine has no tools for is left out, and named at the end once more, so that nobody takes a small success for
# a whole one.
set -u
cd "$(dirname "$0")/.." || exit 1

omitted=
. tests/harness/run32.sh
. tools/progress.sh

jobs=${QUIRE_TEST_JOBS:-$([ "$(nproc)" -ge 2 ] && echo 2 || echo 1)}

# build TARGET...
build()
{
    progress_make "building for the tests: $*" flock build/lock make --no-print-directory "$@"
}

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
    elif build "$target"; then
        programs="$programs $target"
    else
        return 1
    fi
}

# run_programs COMMAND PROGRAM...: those that add_program has found, each by the command; the longest come first.
run_programs()
{
    runner=$1
    shift
    [ $# -eq 0 ] || prove -j "$jobs" -e "$runner" "$@"
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
    run_programs "timeout -k 10 900 $emulator" $programs || status=1
    return $status
}

suite_host()
{
    sanitize=-fsanitize=address,undefined
    suite_host_32
    status=$?
    programs=
    scripts=
    add_program gcc-64 unit gcc $sanitize || status=1
    add_program clang-64 unit clang $sanitize || status=1
    add_program unchecked-64 unit gcc || status=1
    add_program gcc-64 machine gcc $sanitize || status=1
    add_program clang-64 machine clang $sanitize || status=1
    add_program gcc-64 host gcc $sanitize || status=1
    add_program clang-64 host clang $sanitize || status=1
    add_program tsan races clang -fsanitize=thread || status=1
    if can_link gcc $sanitize; then
        build noise && scripts='tests/fuzz/noise.t' || status=1
    fi
    if have spin; then
        scripts="$scripts tests/spin/run.sh"
    else
        omit "tests/spin" "no spin"
    fi
    # shellcheck disable=SC2086 # lists of files
    [ -z "$scripts" ] || prove -j "$jobs" -e sh $scripts || status=1
    # shellcheck disable=SC2086
    run_programs 'timeout -k 10 900' $programs || status=1
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
    [ -z "$programs" ] || QUIRE_TEST_EFFORT=10 prove -j "$jobs" -o -e 'timeout -k 10 3600' $programs || status=1
    if can_link_fuzzer; then
        build fuzz && prove -v -e sh tests/fuzz/nightly.sh || status=1
    else
        omit "tests/fuzz/nightly.sh" "clang has no fuzzer here"
    fi
    ./quire bench || status=1
    suite_fresh || status=1
    return $status
}

suite_fresh()
{
    prove -v -e sh tests/fresh/run.sh
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
        build ARCH=$ARCH test-kernel || return 1
    done
    prove -j "$jobs" -e sh tests/kernel/*.t
}

# longest_first TEST...: those that start most machines are begun first, so that none of them is left for the end.
longest_first()
{
    # shellcheck disable=SC2012 # no name here has a blank
    ls -S "$@" | awk '/(programs|memory|explain|iso|cpu|docs)\.t$/ { print; next } { rest = rest $0 "\n" } END { printf "%s", rest }'
}

suite_boot()
{
    have qemu-system-x86_64 || { omit "boot" "no qemu-system-x86_64" && return 0; }
    for ARCH in i386 i386pae x86_64; do
        build ARCH=$ARCH kernel test-kernel || return 1
    done
    build build/host/gcc-64/explain build/host/fast-64/explain || return 1
    # shellcheck disable=SC2046 # a list of files
    prove -j "$jobs" -e sh $(longest_first tests/boot/*.t)
}

suite_tree()
{
    prove -j "$jobs" -e sh tests/tree/*.t
}

have prove || { echo "tests need prove (Debian package perl)" >&2 && exit 1; }
case ${1:-all} in
all) suites='tree host kernel boot' ;;
tree | host | kernel | boot | nightly | mutations | coverage | fresh) suites=$1 ;;
*) echo "there is no suite '$1'; there are: tree host kernel boot; nightly mutations coverage fresh" >&2 && exit 2 ;;
esac

mkdir -p build
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
