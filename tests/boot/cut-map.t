# SPDX-License-Identifier: MIT
# A firmware map of some hundred entries, as GRUB makes it by cutting pages out: every one of them is kept out. What becomes
# of more entries than the map has room for is asked by the unit tests; GRUB takes minutes to cut so many.
. "$(dirname "$0")/../harness/tap.sh"

for tool in grub-mkrescue xorriso mformat qemu-system-x86_64; do
    if ! command -v $tool >/dev/null 2>&1; then
        skip "a map of many entries" "no $tool here"
        finish
    fi
done
if [ ! -d /usr/lib/grub/i386-pc ]; then
    skip "a map of many entries" "GRUB for BIOS is not here"
    finish
fi

# cuts COUNT: GRUB's words that reserve a page in every 64 KiB from 64 MiB on.
cuts()
{
    perl -e 'printf "cutmem 0x%x 0x%x\n", $_, $_ + 0x1000 for map { 0x4000000 + $_ * 0x10000 } 0 .. $ARGV[0] - 1' "$1"
}

# starts COUNT WORDS
starts()
{
    tree=$scratch/tree
    rm -rf "$tree" && mkdir -p "$tree/boot/grub"
    cp "$root/build/$ARCH/quire.elf" "$root/build/$ARCH/initrd.cpio" "$tree/boot/"
    {
        echo 'set timeout=0' && cuts "$1"
        printf '%s\n' 'menuentry Quire {' " multiboot$two /boot/quire.elf lf $2" " module$two /boot/initrd.cpio initrd.cpio" '}'
    } >"$tree/boot/grub/grub.cfg"
    grub-mkrescue -o "$scratch/cut.iso" -d /usr/lib/grub/i386-pc --locales= --fonts= --themes= --install-modules="multiboot \
        multiboot2 normal iso9660 biosdisk part_msdos configfile mmap" "$tree" >"$scratch/log" 2>&1 || cat "$scratch/log"
    timeout -k 5 120 qemu-system-x86_64 -m 512M -machine pc -cpu max,la57=off -nodefaults -display none -no-reboot \
        -device isa-debug-exit,iobase=0xf4,iosize=4 -serial "file:$scratch/out" -cdrom "$scratch/cut.iso" -boot d </dev/null
    status=$?
}
# ram: the KiB that the kernel has found.
ram()
{
    sed -n 's/^ *RAM found *\([0-9]*\) KiB.*/\1/p' "$scratch/out"
}

ARCH=x86_64 two=2
build "ARCH=$ARCH" kernel
starts 0 check
equal "nothing is cut out: status" "$status" 33
whole=$(ram)
starts 300 check
equal "300 pages are cut out: status" "$status" 33
# GRUB keeps a little low memory for the code that answers for the firmware then.
missing=$((whole - $(ram)))
check "they are missing" test $missing -ge $((300 * 4))
check "and nothing else" test $missing -le $((300 * 4 + 64))
contains "every free frame can be taken" "$scratch/out" 'every free frame can be taken, once: ok'
contains "and the totals add up" "$scratch/out" 'check totals: add up to the RAM found: ok'
finish
