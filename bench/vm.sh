#!/bin/sh
# SPDX-License-Identifier: MIT
#
# vm.sh - what a program meets: system calls and page faults of memory, measured from ring 3, on this kernel and on Linux.
#
# One static program (bench/vm/) runs on both, in the same machine: one that counts instructions in its time-stamp counter,
# so that figures repeat exactly. Trap, call, zeroing and checks are in them. Beside the x86_64 kernel stands Debian's own
# Linux, made as lean as its boot words allow; its package is downloaded once, to build/bench/linux, and not installed.
# What cannot be had is left out, and named.
#
#   vm.sh [--tsv] [--quick]     --tsv: table, row, subject, value, unit, target, with tabs between
#                               --quick: few rounds, and no Linux: does it run?

set -eu

cd "$(dirname "$0")/.."
form=table quick=
for word; do
    case $word in
    --tsv) form=tsv ;;
    --quick) quick=quick ;;
    *) echo "usage: vm.sh [--tsv] [--quick]" >&2 && exit 2 ;;
    esac
done
: "${SUBJECTS:=x86_64 linux i386pae linux-pae}"
for subject in $SUBJECTS; do
    case $subject in
    x86_64 | i386pae) ;;
    linux | linux-pae) [ -z "$quick" ] || SUBJECTS=$(printf ' %s ' "$SUBJECTS" | sed "s/ $subject / /") ;;
    *) echo "vm: SUBJECTS are of: x86_64 linux i386pae linux-pae; not $subject" >&2 && exit 2 ;;
    esac
done
for tool in gcc make flock cpio qemu-system-x86_64; do
    command -v $tool >/dev/null 2>&1 || {
        echo "vm: $tool is missing: nothing is measured" >&2
        exit 77
    }
done
build=build/bench
mkdir -p $build
work=$(mktemp -d "${TMPDIR:-/tmp}/quire-vm.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# machine SECONDS QEMU-ARGUMENTS...: runs to its end. The three serial ports' output is in $work: console, output, error.
machine()
{
    seconds=$1
    shift
    status=0
    timeout -k 10 "$seconds" qemu-system-x86_64 -accel tcg,thread=single -cpu max,la57=off,erms=off -smp 1 -m 1024 \
        -icount shift=0,sleep=off -seed 1 -rtc base=2026-01-01T00:00:00,clock=vm -nodefaults -display none -monitor none \
        -serial "file:$work/console" -serial "file:$work/output" -serial "file:$work/error" -no-reboot \
        -device isa-debug-exit,iobase=0xf4,iosize=4 "$@" </dev/null >"$work/qemu" 2>&1 || status=$?
}

# archive FOLDER: as an initial file system; everything belongs to root.
archive()
{
    (cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0)
}

# program BITS CALLS: the program for this kind of machine.
program()
{
    gcc -std=c11 -Wall -Wextra -Werror -O2 -m"$1" -static -nostdlib -ffreestanding -fno-stack-protector -fno-pic -no-pie \
        -Wl,--build-id=none -include "bench/vm/call_$2.h" -o "$build/vm-$2" bench/vm/bench.c
}

# rows SUBJECT FILE: what the program said in it, as lines of the table.
rows()
{
    tr -d '\r' <"$2" | awk -F '\t' -v OFS='\t' -v subject="$1" '
        $1 == "bench" { print "vm", $2, subject, $3, $4, $5 }
        $1 == "absent" { print "vm: " subject " does not offer: " $2 >"/dev/stderr" }
        $0 == "bench: all rows" { whole = 1 }
        END { exit !whole }'
}

# on_quire ARCH
on_quire()
{
    flock build/lock make -s ARCH="$1" kernel
    mkdir -p "$work/$1/run"
    cp "$build/vm-$2" "$work/$1/run/program"
    printf '%s\0' /run/program $quick >"$work/$1/run/arguments"
    printf 'HOME=/\0' >"$work/$1/run/environment"
    archive "$work/$1" >"$work/program.cpio"
    machine 600 -kernel "build/$1/quire.elf" -initrd "build/$1/initrd.cpio,$work/program.cpio" \
        -append "lf quiet run icount"
    rows "Quire $1" "$work/output" || {
        echo "vm: the $1 kernel did not finish (status $status)" >&2
        cat "$work/output" "$work/error" "$work/console" "$work/qemu" >&2
        return 1
    }
}

# Words for apt of a machine of 32 bits: lists and archives of its own, nothing of this system's is changed.
apt_i386()
{
    tool=$1
    shift
    $tool -o APT::Architecture=i386 -o APT::Architectures::=i386 -o Dir::State="$work/apt" -o Dir::Cache="$work/apt/cache" \
        -o Dir::State::status=/dev/null "$@"
}

# package_of ARCH: prints the name of the package that holds Debian's kernel.
package_of()
{
    if [ "$1" = i386 ]; then
        mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
        apt_i386 apt-get -qq update >&2 || return
        apt_i386 apt-cache depends linux-image-686-pae
    else
        apt-cache depends linux-image-amd64
    fi | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1
}

# download ARCH PACKAGE: into the folder where we are.
download()
{
    if [ "$1" = i386 ]; then apt_i386 apt-get -qq download "$2"; else apt-get -qq download "$2"; fi
}

# find_linux ARCH: sets $linux to Debian's kernel, unpacked below build/. False, having said why: it cannot be had.
find_linux()
{
    folder=$build/linux-$1
    linux=$(find "$folder" -name 'vmlinuz-*' 2>/dev/null | head -n 1)
    [ -z "$linux" ] || return 0
    package=$(package_of "$1" 2>"$work/download")
    mkdir -p "$work/package-$1"
    if [ -n "$package" ] && (cd "$work/package-$1" && download "$1" "$package") >"$work/download" 2>&1 &&
        dpkg -x "$work/package-$1"/*.deb "$work/package-$1" && mkdir -p "$folder" &&
        cp "$work/package-$1"/boot/vmlinuz-* "$folder"; then
        linux=$(find "$folder" -name 'vmlinuz-*' | head -n 1)
        return 0
    fi
    echo "vm: Debian's kernel for $1 cannot be had here: no figures of Linux" >&2
    return 1
}

# on_linux ARCH PROGRAM NAME. Without what can be switched off: the bar is the lean kernel.
on_linux()
{
    find_linux "$1" || return 0
    mkdir -p "$work/linux-$1/dev"
    cp "$build/vm-$2" "$work/linux-$1/init"
    archive "$work/linux-$1" >"$work/linux.cpio"
    : >"$work/console"
    machine 1200 -kernel "$linux" -initrd "$work/linux.cpio" -append "console=ttyS0 quiet panic=-1 mitigations=off nopti \
transparent_hugepage=never init_on_alloc=0 cgroup_disable=memory security=none apparmor=0 audit=0 \
randomize_kstack_offset=off preempt=none numa_balancing=disable"
    rows "$3" "$work/console" || {
        echo "vm: Linux for $1 did not finish (status $status): no figures of it" >&2
        tail -n 5 "$work/console" >&2
    }
}

measure()
{
    case $1 in
    *pae)
        program 32 i386 2>"$work/log" || {
            echo "vm: gcc makes no 32-bit programs here: no figures of $1" >&2
            return 0
        }
        ;;
    *) program 64 x86_64 ;;
    esac
    case $1 in
    x86_64) on_quire x86_64 x86_64 ;;
    i386pae) on_quire i386pae i386 ;;
    linux) on_linux amd64 x86_64 "Linux lean" ;;
    linux-pae) on_linux i386 i386 "Linux PAE lean" ;;
    esac
}

for subject in $SUBJECTS; do
    measure "$subject"
done >"$work/table"
if [ $form = tsv ]; then
    cat "$work/table"
else
    awk -F '\t' '
        {
            if (!($2 in seen)) { seen[$2] = 1; row[++rows] = $2 }
            if (!($3 in place)) { place[$3] = ++subjects; name[subjects] = $3 }
            value[$2, $3] = $4
            if ($6 != "" && index(" " target[$2] " ", " " $6 " ") == 0) target[$2] = target[$2] (target[$2] ? " / " : "") $6
        }
        END {
            printf "%-50s", "from ring 3, in instructions"
            for (s = 1; s <= subjects; s++) printf " %16s", name[s]
            print "  to reach (64 / 32 bits)"
            for (r = 1; r <= rows; r++) {
                printf "%-50s", row[r]
                for (s = 1; s <= subjects; s++) printf " %16s", ((row[r], name[s]) in value) ? value[row[r], name[s]] : "-"
                print "  " target[row[r]]
            }
        }' "$work/table"
fi
