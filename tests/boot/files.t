# SPDX-License-Identifier: MIT
# Files of the initial file system: read, looked at and sought in, with the same results as on Linux.
. "$(dirname "$0")/../harness/tap.sh"

read=$scratch/read
tree=$scratch/root/data
source=$(dirname "$0")/programs/read.c

mkdir -p "$tree/inner"
printf 'abcdefghij' >"$tree/small"
head -c 100001 /dev/zero | tr '\0' 'x' >"$tree/large"
: >"$tree/empty"
echo inner >"$tree/inner/file"
ln "$tree/small" "$tree/hard-link"
ln -s small "$tree/link"
ln -s ../large "$tree/inner/up"
ln -s loop "$tree/loop"
ln -s no-such "$tree/nowhere"

for kind in 'gcc -m64' 'gcc -m32'; do
    if can_compile $kind; then
        $kind -O1 -static -o "$read" "$source" || exit 1
        # Where Linux does not run it, what the 64-bit program read there is the measure.
        ! can_run $kind || "$read" "$tree" </dev/null | cat >"$scratch/linux"
        machine --root "$scratch/root" "$read" /data
        equal "$kind: exit status" "$status" 0
        check "$kind: the same results as on Linux" diff "$scratch/linux" "$scratch/out"
    else
        skip "files read by a program built by '$kind -static'" "no such compiler or library here"
    fi
done
finish
