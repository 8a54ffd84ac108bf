# SPDX-License-Identifier: MIT
# Processors of many ages: protections are used where they are and never assumed; what is too old is told so.
. "$(dirname "$0")/../harness/tap.sh"

# works ARCH CPU PROTECTIONS: the main job does its work, and the list of what is on is this.
works()
{
    export ARCH="$1"
    machine --cpu "$2"
    equal "$1 on $2: the main job works" "$status" 0
    equal "$1 on $2: what is on" "$(tr -d '\r' <"$scratch/out" | sed -n 's/.*in use: \(.*\), paging with.*/\1/p' | head -n 1)" "$3"
}

# refused ARCH CPU SENTENCE
refused()
{
    export ARCH="$1"
    machine --cpu "$2"
    equal "$1 on $2: the status of a machine that could not start" "$status" 125
    contains "$1 on $2: is told why" "$scratch/out" "$3"
}

for arch in i386 i386pae x86_64; do
    nx=', NX'
    [ $arch = i386 ] && nx= # two-level paging has none
    works $arch max,-pku,-pcid "WP$nx, global pages, SMEP, SMAP, UMIP"
    works $arch max,-smep,-smap,-umip,-pku,-pcid "WP$nx, global pages"
    works $arch max,-smep,-pge,-pku,-pcid "WP$nx, SMAP, UMIP"
    keys=
    [ $arch = x86_64 ] && keys=', keys'
    works $arch max,-pcid "WP$nx, global pages, SMEP, SMAP, UMIP$keys"
    # A CPU that lets ring 3 read ahead what is the kernel's; the 32-bit kernels do not hide from it.
    case $arch in
    x86_64) works $arch core2duo "WP$nx, isolation from ring 3" ;;
    *) works $arch core2duo "WP$nx, global pages" ;;
    esac
done
works x86_64 qemu64 'WP, NX, global pages'
works i386pae n270 'WP, NX, global pages'
works i386 qemu64,-nx 'WP, global pages'
works i386 pentium3 'WP, global pages'
works i386 pentium2,-fxsr 'WP, global pages'

refused i386 486 'Quire cannot start: this CPU is older than the Pentium Pro'
refused i386 pentium 'Quire cannot start: this CPU is older than the Pentium Pro'
refused i386 pentium3,-pse 'Quire cannot start: this CPU has no pages of 4 MiB'
refused i386 pentium3,-tsc 'Quire cannot start: this CPU has no time-stamp counter'
refused i386pae pentium3 'Quire cannot start: this CPU cannot forbid execution (NX); take the i386 kernel'
refused i386pae qemu64,-nx 'Quire cannot start: this CPU cannot forbid execution (NX); take the i386 kernel'
refused i386pae max,-pae 'Quire cannot start: this CPU has no PAE; take the i386 kernel'
refused x86_64 qemu64,-nx 'Quire cannot start: this CPU cannot forbid execution (NX)'
refused x86_64 pentium3 'Quire cannot start: this CPU has no 64-bit mode; take the i386 kernel'

machine --cpu nonsense
equal "no such CPU: status" "$status" 125
contains "no such CPU: in words" "$scratch/err" "unable to find CPU model 'nonsense'"
finish
