#!/bin/sh
# SPDX-License-Identifier: MIT
#
# validate.sh - does the model answer as QEMU and bochs do?
#
#   tests/model/validate.sh [build directory]
#
# Builds the probe kernel and the model's runner, runs the scenarios of probe/scenarios.def on each, and compares line by
# line. Every difference must be explained by a line of exceptions.txt, and every line there must explain some
# difference. A machine that is not installed is skipped, and said to be. Ends with 0 if nothing is unexplained.

# shellcheck disable=SC2317 # functions are called by a computed name

set -eu

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-$here/../../build/model}"
build=$(cd "${1:-$here/../../build/model}" && pwd)
CC=${CC:-gcc}
HOSTCC=${HOSTCC:-$CC}
warnings='-std=c11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef'

# The part of the probe that is the same everywhere.
shared=
for name in interpreter random scenarios tables; do shared="$shared $here/probe/$name.c"; done

build_model() {
    sources=$(find "$here" -maxdepth 1 -name '*.c' ! -name 'test_*')
    # shellcheck disable=SC2086
    $HOSTCC $warnings -g -O1 -o "$build/probe-model" "$here/probe/model_backend.c" $shared $sources -lpthread
}

build_probe() { # image, machine options
    # shellcheck disable=SC2086
    $CC $2 $warnings -g -O1 -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none -mno-red-zone \
        -mgeneral-regs-only -nostdlib -static -no-pie -Wl,-T,"$here/probe/probe.ld" -Wl,--build-id=none \
        -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments -o "$build/probe$1.elf" \
        "$here/probe/machine.S" "$here/probe/kernel.c" $shared
    objcopy -O elf32-i386 "$build/probe$1.elf" "$build/probe$1"
}

# Keeps the lines of scenarios; what firmware and boot loader write goes away.
clean() {
    tr -d '\r' | grep -aE '^(32|pae|long|la57)/'
}

finished() { # file: the probe has said its last word
    tr -d '\r' <"$1" 2>/dev/null | grep -aqx end
}

run_qemu() {
    for image in 32 64 57; do
        rm -f "$build/qemu$image.raw"
        timeout 60 qemu-system-x86_64 -kernel "$build/probe$image" -cpu max -m 64 -display none -no-reboot \
            -serial "file:$build/qemu$image.raw" -device isa-debug-exit,iobase=0xf4,iosize=1 || true
        finished "$build/qemu$image.raw" || { echo "qemu: probe$image did not finish"; return 1; }
    done
    cat "$build/qemu32.raw" "$build/qemu64.raw" "$build/qemu57.raw" | clean >"$build/qemu.txt"
}

make_iso() { # image
    mkdir -p "$build/iso$1/boot/grub"
    cp "$build/probe$1" "$build/iso$1/boot/probe"
    printf 'set timeout=0\nmenuentry probe {\n multiboot /boot/probe\n boot\n}\n' >"$build/iso$1/boot/grub/grub.cfg"
    grub-mkrescue -d /usr/lib/grub/i386-pc --install-modules='multiboot normal iso9660 biosdisk part_msdos configfile' \
        --locales= --fonts= --themes= --compress=xz -o "$build/probe$1.iso" "$build/iso$1" >/dev/null 2>&1
}

bochs_configuration() { # image
    cat <<END
config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file=/usr/share/seabios/bios.bin
vgaromimage: file=/usr/share/seabios/vgabios-isavga.bin
cpu: model=corei7_skylake_x, count=1, ips=50000000, reset_on_triple_fault=0
megs: 64
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$build/probe$1.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$build/bochs$1.raw
log: $build/bochs$1.log
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
sound: waveoutdrv=dummy
END
}

# The shutdown port ends bochs by a panic, hence with a status that says nothing.
run_bochs() {
    echo c >"$build/bochs.commands"
    for image in 32 64; do
        make_iso "$image"
        bochs_configuration "$image" >"$build/bochsrc$image"
        rm -f "$build/bochs$image.raw"
        timeout 120 bochs -q -f "$build/bochsrc$image" -rc "$build/bochs.commands" >"$build/bochs$image.out" 2>&1 || true
        finished "$build/bochs$image.raw" || { echo "bochs: probe$image did not finish"; return 1; }
    done
    cat "$build/bochs32.raw" "$build/bochs64.raw" | clean >"$build/bochs.txt"
}

# Only modes that the machine has run are compared: this bochs has no 5-level paging.
compare() { # machine
    cut -d/ -f1 "$build/$1.txt" | sort -u | sed 's|.*|^&/|' >"$build/modes-$1.txt"
    grep -f "$build/modes-$1.txt" "$build/model.txt" >"$build/model-$1.txt"
    awk -v machine="$1" -f "$here/compare.awk" "$here/exceptions.txt" "$build/model-$1.txt" "$build/forget.txt" \
        "$build/$1.txt"
}

build_model
"$build/probe-model" >"$build/model.txt"
"$build/probe-model" forget >"$build/forget.txt"
build_probe 32 -m32
build_probe 64 -m64
build_probe 57 '-m64 -DLA57'
status=0
for machine in ${MACHINES:-qemu bochs}; do
    program=$machine
    [ "$machine" = qemu ] && program=qemu-system-x86_64
    if ! command -v "$program" >/dev/null || { [ "$machine" = bochs ] && ! command -v grub-mkrescue >/dev/null; }; then
        echo "$machine: skipped, not installed"
    elif ! "run_$machine" || ! compare "$machine"; then
        status=1
    fi
done
exit $status
