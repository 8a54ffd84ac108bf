# SPDX-License-Identifier: MIT
# What only an emulator that checks segment limits can tell: the kernel's suite "segments" in bochs, with the word "limits"
# that leaves nothing out. The same suite runs in QEMU with the tests of the kernel, without the probes that need limits.
. "$(dirname "$0")/../harness/tap.sh"

configure()
{
    cat <<END
config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file=/usr/share/seabios/bios.bin
vgaromimage: file=/usr/share/seabios/vgabios-isavga.bin
cpu: model=corei7_skylake_x, count=1, ips=50000000, reset_on_triple_fault=0
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

# The word that ends the machine is a panic to bochs, hence a status that says nothing.
run_in_bochs()
{
    make -s -C "$root" ARCH="$ARCH" test-kernel >"$scratch/build" 2>&1 || { cat "$scratch/build" && exit 1; }
    sh "$root/tools/make-iso.sh" "$ARCH" "$scratch/quire.iso" "$root/build/$ARCH/quire-test.elf" \
        "$root/build/$ARCH/initrd.cpio" "test=segments limits lf" >"$scratch/iso" 2>&1 || { cat "$scratch/iso" && exit 1; }
    configure >"$scratch/bochsrc"
    echo c >"$scratch/commands"
    timeout -k 10 100 bochs -q -f "$scratch/bochsrc" -rc "$scratch/commands" >"$scratch/out" 2>&1
}

for program in bochs grub-mkrescue xorriso mformat; do
    command -v $program >/dev/null && continue
    echo "1..0 # SKIP $program is not installed: segment limits are not tested"
    exit 0
done

for ARCH in i386 i386pae; do
    run_in_bochs
    tr -d '\r' <"$scratch/console" | sed -n '/^TAP version/,$p' >"$scratch/tap"
    plan=$(sed -n 's/^1\.\.//p' "$scratch/tap")
    equal "$ARCH: as many answers as tests" "$(grep -cE '^(not )?ok ' "$scratch/tap")" "${plan:-a plan}"
    equal "$ARCH: none is left out" "$(grep -c '# SKIP' "$scratch/tap")" 0
    while read -r outcome number dash name; do
        case $outcome in
        ok) result 0 "bochs, $ARCH: $name" ;;
        not) result 1 "bochs, $ARCH: $dash $name" ;;
        esac
    done <"$scratch/tap"
    contains "$ARCH: the segment, in words" "$scratch/console" "of selector 0x0017, but the offset lies beyond the segment's limit"
    contains "$ARCH: its base and limit" "$scratch/console" "selector 0x0017: base 0x2000"
    contains "$ARCH: an expand-down stack" "$scratch/console" "offsets above it are inside"
    grep '^#' "$scratch/tap" | head -n 20
done
finish
