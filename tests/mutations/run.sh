#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [PATCH...] - seeded bugs: does the suite find each of them?
#
# Every patch of this folder puts one bug into mm/ or kernel/. The tree is copied, and for each bug programs of tests are built and
# run, the quickest first, until one fails: that is what is wanted. A bug that survives is `not ok`, and so is a patch
# that applies no longer. A crash, and a run that does not end, count as found. Two bugs are judged at once, each in a
# tree of its own, which is only built anew where the bug is.
#
# A patch begins with its description. "Build: 32" in it asks for 32-bit programs instead of 64-bit ones. Which programs
# are run follows from where the bug is: of the PMM, those of the host too (its schedules and its threads); elsewhere,
# the machine in software and the unit tests. "Programs: NAME..." names others: unit, machine, host (with the suite after
# a colon: unit:pmm) and races. "Kernel: ARCH SUITE" names a suite of the tests inside that kernel instead, "Boot: NAME" a
# test of tests/boot.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
limit=120   # seconds for one program
at_once=2   # bugs judged at once
work=$(mktemp -d "${TMPDIR:-/tmp}/mutations.XXXXXX") || exit 1
workers=
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2086 # a list of numbers
trap 'kill $workers 2>/dev/null; exit 1' HUP INT TERM

[ $# -gt 0 ] || set -- "$here"/*.patch
mkdir "$work/0" && (cd "$root" && tar cf - Makefile bench include kernel mm quire tests tools user) | (cd "$work/0" && tar xf -) || exit 1
mkdir "$work/original" && cp -r "$work/0/mm" "$work/0/kernel" "$work/original" || exit 1
cd "$work/0" || exit 1

. tests/harness/run32.sh
can_run_32=no
builds_32 && emulator=$(emulator_32) && can_run_32=yes

of_the_pmm='unit:pmm unit:pmm_flips host:pmm_waiting host:pmm_interleavings host:pmm_claims host:pmm_litmus unit races:pmm_threads
    host:pmm_large machine'
of_the_rest='unit machine'

# program NAME BITS: the file to build
program()
{
    case $1 in
    races*) echo build/host/tsan/races ;;
    *) echo "build/host/fast-$2/${1%%:*}" ;;
    esac
}

# architecture NAME, suite NAME: the parts of kernel:ARCH:SUITE.
architecture()
{
    part=${1#*:}
    echo "${part%%:*}"
}

suite()
{
    echo "${1##*:}"
}

# build NAME BITS: quickly; the library may be broken, but it compiles.
build()
{
    case $1 in
    kernel:*)
        make -s ARCH="$(architecture "$1")" test-kernel >log 2>&1
        return
        ;;
    boot:*) return 0 ;; # what it needs, it builds
    esac
    make -s "HOST_SPEED_fast-$2=-O1" "$(program "$1" "$2")" >log 2>&1
}

# finds NAME BITS: $found says what failed in it, if anything did.
finds()
{
    case $1 in
    kernel:*)
        ARCH=$(architecture "$1") timeout -k 5 $limit sh ./quire run --tests "$(suite "$1")" >output 2>&1 </dev/null
        ;;
    boot:*) timeout -k 5 $limit sh "tests/boot/$(suite "$1").t" >output 2>&1 </dev/null ;;
    *)
        only=
        case $1 in *:*) only=$(suite "$1") ;; esac
        # shellcheck disable=SC2086 # words, or none
        timeout -k 5 $limit $prefix "$(program "$1" "$2")" $only >output 2>&1 </dev/null
        ;;
    esac
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
        cp "$work/original/$file" "$file"
    done
}

# programs_of PATCH: what is built and run for it, in order
programs_of()
{
    named=$(sed -n -e 's/^Programs: //p' -e 's/^Kernel: \([^ ]*\) \(.*\)/kernel:\1:\2/p' -e 's/^Boot: /boot:/p' "$1")
    if [ -n "$named" ]; then
        echo "$named"
    elif grep -q '^Build: 32' "$1" || ! grep -q '^+++ b/mm/pmm/' "$1"; then
        echo "$of_the_rest"
    else
        # shellcheck disable=SC2086 # one line of it
        echo $of_the_pmm
    fi
}

# judge NUMBER PATCH, in the tree that is the current folder
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
    if ! patch -s -f -F0 -p1 <"$2" >log 2>&1; then
        echo "not ok $1 - $name: the patch does not apply any more"
        sed 's/^/# /' log
        restore "$2"
        return
    fi
    verdict="not ok $1 - $name: no test finds it"
    for one in $(programs_of "$2"); do
        if ! build "$one" $bits; then
            verdict="not ok $1 - $name: it does not compile"
            sed 's/^/# /' log
            break
        fi
        if finds "$one" $bits; then
            verdict="ok $1 - $name: $found"
            break
        fi
    done
    echo "$verdict"
    case $verdict in ok*) reason ;; esac
    restore "$2"
    rm -f kernel/*.orig kernel/*.rej kernel/*/*.orig kernel/*/*.rej mm/*/*.orig mm/*/*.rej mm/*/*/*.orig mm/*/*/*.rej
}

# worker NUMBER PATCH...: every at_once'th of the patches, in a tree of its own; each verdict in a file.
worker()
{
    cd "$work/$1" || exit 1
    mine=$1
    shift
    count=1
    for patch; do
        count=$((count + 1))
        [ $((count % at_once)) -eq "$mine" ] || continue
        judge $count "$patch" >verdict 2>&1
        mv verdict "$work/verdict.$count"
    done
}

echo "TAP version 13"
echo "1..$(($# + 1))"
prefix=
wanted=$(for patch; do programs_of "$patch" | tr ' ' '\n'; done | sort -u)
for one in $wanted; do
    if ! build "$one" 64 || finds "$one" 64; then
        echo "not ok 1 - without a bug all tests pass ($one)"
        grep -hv '^ok' log output 2>/dev/null | sed 's/^/# /'
        exit 1
    fi
done
echo "ok 1 - without a bug all tests pass"
tree=1
while [ $tree -lt $at_once ]; do
    cp -a "$work/0" "$work/$tree" || exit 1
    tree=$((tree + 1))
done
tree=0
while [ $tree -lt $at_once ]; do
    worker $tree "$@" &
    workers="$workers $!"
    tree=$((tree + 1))
done
number=1
for patch; do
    number=$((number + 1))
    while [ ! -e "$work/verdict.$number" ]; do
        sleep 1
    done
    cat "$work/verdict.$number"
done
wait
