#!/bin/sh
# SPDX-License-Identifier: MIT
# make-iso.sh ARCH ISO KERNEL MODULE[,MODULE...] [WORDS] - a small BIOS-bootable ISO: GRUB, the kernel, its modules.
#
# The 32-bit kernels are started by Multiboot 1, the 64-bit one by Multiboot 2. GRUB's fonts, themes and translations are
# left out: 0.7 MB instead of 22.
set -eu
[ $# -ge 4 ] || { echo "usage: make-iso.sh ARCH ISO KERNEL MODULE[,MODULE...] [WORDS]" >&2; exit 2; }
arch=$1 iso=$2 kernel=$3 modules=$4 words=${5:-}

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
case $arch in
x86_64) protocol=multiboot2 suffix=2 ;;
*) protocol=multiboot suffix= ;;
esac
mkdir -p "$tree/boot/grub"
cp -L "$kernel" "$tree/boot/quire.elf"
{
    echo 'set timeout=0'
    echo "menuentry Quire {"
    echo "    $protocol /boot/quire.elf $words"
    for module in $(echo "$modules" | tr , ' '); do
        name=$(basename "$module")
        cp -L "$module" "$tree/boot/$name"
        echo "    module$suffix /boot/$name $name"
    done
    echo '}'
} >"$tree/boot/grub/grub.cfg"
grub-mkrescue -o "$iso" -d /usr/lib/grub/i386-pc --locales= --fonts= --themes= --compress=xz \
    --install-modules="multiboot multiboot2 normal iso9660 biosdisk part_msdos configfile" "$tree" 2>&1
