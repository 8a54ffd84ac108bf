# SPDX-License-Identifier: MIT
# Machines of many sizes: the totals add up, every free frame can be taken once and given back, a process leaves nothing behind.
. "$(dirname "$0")/../harness/tap.sh"

try()
{
    export ARCH="$1"
    machine --mem "$2" --word check
    equal "$1, $2: exit status" "$status" 0
    check "$1, $2: something was checked" test "$(grep -c '^check .*: ok$' "$scratch/out")" -ge 6
    equal "$1, $2: nothing failed" "$(grep -c '^check .*FAILED' "$scratch/out")" 0
}

for size in 8M 64M 512M 6G; do try x86_64 $size; done
for size in 8M 64M 1G 3G 4G; do try i386 $size; done
for size in 8M 1G 3G 4G 6G; do try i386pae $size; done

# The largest: its frames are too many to take one by one here, but the main job ends with every layer's own check.
for arch in x86_64 i386pae; do
    export ARCH=$arch
    machine --mem 64G
    equal "$arch, 64G: the main job works" "$status" 0
done

# Too little is told in words, not by a reset.
export ARCH=x86_64
machine --mem 2M
equal "2 MiB are too few: status" "$status" 125
check "2 MiB are too few: no triple fault" sh -c '! grep -q "triple fault" "$1"' - "$scratch/err"
finish
