# SPDX-License-Identifier: MIT
#
# bochs.sh - a machine of bochs, which checks what QEMU does not; to be read with "." after tap.sh. Without bochs and what
# makes an ISO the test that reads it is skipped. BOCHS_CPU is its processor, as bochs names it.

configure()
{
    cat <<END
config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file=/usr/share/seabios/bios.bin
vgaromimage: file=/usr/share/seabios/vgabios-isavga.bin
cpu: model=${BOCHS_CPU:-corei7_skylake_x}, count=1, ips=50000000, reset_on_triple_fault=0
megs: 64
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$scratch/quire.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$scratch/console
com2: enabled=1, mode=file, dev=$scratch/output
log: $scratch/bochs.log
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
sound: waveoutdrv=dummy
END
}

# run_in_bochs IMAGE WORDS: the kernel of $ARCH; what it writes is in $scratch/console. The word that ends the machine is a
# panic to bochs, hence a status that says nothing.
run_in_bochs()
{
    build ARCH="$ARCH" kernel test-kernel >"$scratch/build" 2>&1 || { cat "$scratch/build" && exit 1; }
    sh "$root/tools/make-iso.sh" "$ARCH" "$scratch/quire.iso" "$root/build/$ARCH/$1" \
        "$root/build/$ARCH/initrd.cpio" "$2" >"$scratch/iso" 2>&1 || { cat "$scratch/iso" && exit 1; }
    configure >"$scratch/bochsrc"
    echo c >"$scratch/commands"
    timeout -k 10 100 bochs -q -f "$scratch/bochsrc" -rc "$scratch/commands" >"$scratch/out" 2>&1
}

# test_in_bochs WORDS: the kernel with the tests in it; its TAP is in $scratch/tap, the number of tests in $plan.
test_in_bochs()
{
    run_in_bochs quire-test.elf "$1"
    tr -d '\r' <"$scratch/console" | sed -n '/^TAP version/,$p' >"$scratch/tap"
    plan=$(sed -n 's/^1\.\.//p' "$scratch/tap")
}

for program in bochs grub-mkrescue xorriso mformat; do
    command -v $program >/dev/null && continue
    echo "1..0 # SKIP $program is not installed: what only it shows is not tested"
    exit 0
done
