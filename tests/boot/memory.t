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

# Records follow RAM: 2 TiB, most of it beyond 1 TiB; and 3 GiB of 4 at 1 TiB, where every frame is taken once.
export ARCH=x86_64
machine --mem 2T
equal "x86_64, 2T: the main job works" "$status" 0
check "x86_64, 2T: all of it is managed" sh -c '[ "$(sed -n "s/.*= managed  *\([0-9]*\) KiB.*/\1/p" "$1" | head -n 1)" -gt 2140000000 ]' - "$scratch/out"
timeout -k 5 120 qemu-system-x86_64 -machine q35,max-ram-below-4g=1G -m 4G,slots=1,maxmem=1000G -cpu EPYC,phys-bits=42 \
    -nodefaults -display none -no-reboot -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 \
    -debugcon "file:$scratch/far" -kernel "$root/build/x86_64/quire.elf" -initrd "$root/build/x86_64/initrd.cpio" \
    -append 'lf check' >"$scratch/out" 2>&1 </dev/null
equal "x86_64, 3 GiB at 1 TiB: exit" "$(cat "$scratch/far")" "exit 0"
contains "x86_64, 3 GiB at 1 TiB: every frame" "$scratch/out" "every free frame can be taken, once: ok"

# Too little is told in words, not by a reset or by silence.
for arch in x86_64 i386 i386pae; do
    for size in 1M 2M; do
        export ARCH=$arch
        LIMIT=60 machine --mem $size
        equal "$arch, $size are too few: status" "$status" 125
        cat "$scratch/out" "$scratch/err" >"$scratch/said"
        contains "$arch, $size are too few: is said" "$scratch/said" "too little memory"
    done
    LIMIT=60 machine --mem 4M
    check "$arch, 4M: it ends, and by no fault" sh -c '[ "$1" -ne 124 ] && ! grep -E "has failed|triple fault" "$2" "$3"' - \
        "$status" "$scratch/out" "$scratch/err"
done

# Between too little and enough there is nothing: each of these either works, or says what is wrong.
for arch in x86_64 i386 i386pae; do
    export ARCH=$arch
    for size in 2100K 2560K 3000K 3104K 3333K 3600K; do
        LIMIT=60 machine --mem $size "$root/build/$arch/root/bin/hello" 7
        said=$(grep -c 'too little memory for the kernel and its files$' "$scratch/err")
        outcome="$status, said: $said"
        case $outcome in
        '7, said: 0' | '125, said: 1') result 0 "$arch, $size: $outcome" ;;
        *) result 1 "$arch, $size: $outcome" && tail -n 3 "$scratch/err" | sed 's/^/# /' ;;
        esac
    done
done

# Less than the kernel itself needs, which ./quire does not try.
for arch in x86_64 i386 i386pae; do
    timeout -k 5 30 qemu-system-x86_64 -cpu max -m 1200K -nodefaults -display none -no-reboot -serial stdio \
        -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$root/build/$arch/quire.elf" >"$scratch/out" 2>&1
    contains "$arch, 1200 KiB are too few: is said" "$scratch/out" "too little memory to hold the kernel"
done
finish
