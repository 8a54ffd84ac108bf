#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [PATCH...] - seeded bugs: does the suite find each of them?
#
# Every patch of this folder puts one bug into mm/, or into what the unit tests know of kernel/. The tree is copied, and for each bug the unit tests and the tests on
# the machine in software are built and run, until one fails: that is what is wanted. A bug that survives is `not ok`, and
# so is a patch that applies no longer. A crash, and a run that does not end, count as found.
#
# A patch begins with its description. "Build: 32" in it asks for 32-bit programs instead of 64-bit ones.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
limit=120 # seconds for one program
work=$(mktemp -d "${TMPDIR:-/tmp}/mutations.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

[ $# -gt 0 ] || set -- "$here"/*.patch
(cd "$root" && tar cf - Makefile include kernel mm tests tools user) | (cd "$work" && tar xf -) || exit 1
mkdir "$work/original" && cp -r "$work/mm" "$work/kernel" "$work/original" || exit 1
cd "$work" || exit 1

. tests/harness/run32.sh
can_run_32=no
builds_32 && emulator=$(emulator_32) && can_run_32=yes

# build BITS: the two programs, quickly; the library may be broken, but it compiles.
build()
{
    make -s -j2 HOST_SPEED_fast-"$1"=-O1 build/host/fast-"$1"/machine build/host/fast-"$1"/unit >log 2>&1
}

# finds PROGRAM: $found says what failed in it, if anything did.
finds()
{
    # shellcheck disable=SC2086 # a word, or none
    timeout -k 5 $limit $prefix "$1" >output 2>&1 </dev/null
    status=$?
    found=$(sed -n 's/^not ok [0-9]* - //p' output | head -n 1)
    others=$(($(grep -c '^not ok' output) - 1))
    [ "$others" -le 0 ] || found="$found (and $others more)"
    [ -z "$found" ] || return 0
    after=$(sed -n 's/^ok [0-9]* - //p' output | tail -n 1)
    case $status in
    0) return 1 ;;
    124 | 137) found="the time limit (after $after)" ;;
    *) found="a crash (after $after)" ;;
    esac
}

# What the failed test had to say.
reason()
{
    sed -n '/^not ok/q; /^# .*:[0-9]*: \|^# due\|^#   actual/p' output | head -n 3 | sed 's/^# */#     /'
}

restore()
{
    sed -n 's,^+++ b/,,p' "$1" | while read -r file; do
        cp "original/$file" "$file"
    done
}

judge()
{
    name=$(basename "$2" .patch)
    bits=64
    prefix=
    grep -q '^Build: 32' "$2" && bits=32 && prefix=$emulator
    if [ $bits = 32 ] && [ $can_run_32 = no ]; then
        echo "ok $1 - $name # SKIP 32-bit programs are not built here, or not run"
        return
    fi
    if ! patch -s -f -p1 <"$2" >log 2>&1; then
        echo "not ok $1 - $name: the patch does not apply any more"
        sed 's/^/# /' log
    elif ! build $bits; then
        echo "not ok $1 - $name: it does not compile"
        sed 's/^/# /' log
    else
        caught=
        reasons=
        for program in machine unit; do
            if finds build/host/fast-$bits/$program; then
                caught="$caught${caught:+; }$found"
                reasons="$reasons$(reason)
"
            fi
        done
        if [ -n "$caught" ]; then
            echo "ok $1 - $name: $caught"
            printf '%s' "$reasons" | sed '/^$/d'
        else
            echo "not ok $1 - $name: no test finds it"
        fi
    fi
    restore "$2"
    rm -f kernel/*.orig kernel/*.rej mm/*/*.orig mm/*/*.rej mm/*/*/*.orig mm/*/*/*.rej
}

echo "TAP version 13"
echo "1..$(($# + 1))"
prefix=
if ! build 64 || finds build/host/fast-64/machine || finds build/host/fast-64/unit; then
    echo "not ok 1 - without a bug all tests pass"
    grep -hv '^ok' log output 2>/dev/null | sed 's/^/# /'
    exit 1
fi
echo "ok 1 - without a bug all tests pass"
number=1
for patch; do
    number=$((number + 1))
    judge $number "$patch"
done
