# SPDX-License-Identifier: MIT
# A program and its own file: whatever it is called by, it finds the same as on Linux.
. "$(dirname "$0")/../harness/tap.sh"

source=$root/tests/boot/programs/self.c
mkdir -p "$scratch/a folder/inner"
cd "$scratch/a folder" || exit 1

# same NAME: called so, from this folder.
same()
{
    "$1" >"$scratch/linux" 2>&1
    machine "$1"
    equal "$kind, called $1: status" "$status" 0
    check "$kind, called $1: the same as on Linux" diff "$scratch/linux" "$scratch/out"
}

# The names that a shell would look for in PATH; and what it says then is told by $2.
named()
{
    machine -- "$1"
    contains "$kind, called $1: by that name" "$scratch/out" "1: $1, $1"
    contains "$kind, called $1: its file" "$scratch/out" "/proc/self/exe is a link to: $(pwd -P)/$2"
}

for kind in 'gcc -m64 -static' 'gcc -m64 -static-pie' 'gcc -m32 -static' 'gcc -m32 -static-pie' 'musl-gcc -static'; do
    # shellcheck disable=SC2086 # a command
    if ! can_compile $kind; then
        skip "programs built by '$kind'" "no such compiler or library here"
        continue
    fi
    # shellcheck disable=SC2086
    $kind -O1 -o self "$source" || exit 1
    cp self 'two words'
    cp self -- -dash
    ln -sf ../self inner/link
    named self self
    # shellcheck disable=SC2086
    can_run $kind || continue # Linux does not run it here: the names of the others will do
    for name in ./self "$PWD/self" inner/../self .//inner/link './two words' ./-dash; do same "$name"; done
    named -dash -dash
    named 'two words' 'two words'
done

# Where a file cannot be put, or would hide one of ours, the program is elsewhere, and runs.
deep=$(printf '%0200d/' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19)
if can_compile gcc && mkdir -p "$deep" 2>/dev/null; then
    gcc -static -O1 -o self "$source" && (cd "$deep" && cp "$OLDPWD/self" self && machine ./self)
    machine "$deep/self"
    equal "4,000 characters of folders: status" "$status" 0
    contains "4,000 characters of folders: a file is named" "$scratch/out" 'the target begins with ELF'
fi

# Programs of the initial file system, by the names that the monitor may be given.
if can_compile gcc; then
    mkdir -p "$scratch/root/tools"
    gcc -static -O1 -o "$scratch/root/tools/self" "$source" || exit 1
    ln -s self "$scratch/root/tools/link"
    ln -s /tools/self "$scratch/root/start"
    for name in tools/self /tools/self ./tools/../tools//link start; do
        printf '%s\r' "run $name" quit | timeout -k 10 120 script -qec "$quire run --root $scratch/root" /dev/null |
            tr -d '\r' >"$scratch/out"
        contains "run $name: by that name" "$scratch/out" "1: $name, $name"
        contains "run $name: its file" "$scratch/out" '/proc/self/exe is a link to: /tools/self'
    done
    printf '%s\r' "run nothing/../tools" 'run ../../dev/null' 'run tools/self/' quit |
        timeout -k 10 120 script -qec "$quire run --root $scratch/root" /dev/null | tr -d '\r' >"$scratch/out"
    contains "a folder is not run" "$scratch/out" 'nothing/../tools: cannot run'
    contains "a device is not run" "$scratch/out" '../../dev/null: cannot run: it is not a file with content'
    contains "a file is no folder" "$scratch/out" 'tools/self/: no such file'
fi
finish
