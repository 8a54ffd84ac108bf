# SPDX-License-Identifier: MIT
# ./quire explain: what a saved machine tells is what the live one told, and a reset that nobody explained is explained.
. "$(dirname "$0")/../harness/tap.sh"
cd "$scratch" || exit 1

# The tool itself, as strict as it can be built.
if ! build build/host/gcc-64/explain >build.log 2>&1; then
    cat build.log
    exit 1
fi
explain()
{
    timeout 60 "$root/build/host/gcc-64/explain" "$@" >explanation 2>explain-error
    status=$?
}

# qemu COMMANDS QEMU-ARGUMENTS...: a machine whose monitor gets the commands, from a file that may wait by reading from a
# FIFO. Ends with "quit".
qemu()
{
    commands=$1
    shift
    sh "$commands" | timeout -k 5 100 qemu-system-x86_64 -nodefaults -display none -monitor stdio -no-reboot "$@" >monitor 2>&1
    tr -d '\r' <monitor >registers
}

# Waits at most 60 seconds for a line in a file; a tenth of a second more lets the machine stand still.
cat >wait-for <<'END'
file=$1 text=$2 tries=0
until grep -q "$text" "$file" 2>/dev/null || [ $tries -ge 600 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
sleep 0.1
END

# --- the Quire kernel's own processes, saved at the moment of their death ---

archive_program()
{
    rm -rf program && mkdir -p program/run
    cp "$root/build/$ARCH/root/bin/mistakes" program/run/program
    printf 'mistakes\0%s\0' "$1" >program/run/arguments
    : >program/run/environment
    (cd program && find . -mindepth 1 | cpio --quiet -o -H newc -R 0:0) >program.cpio
}

# What lies between the access and the trace, without what only one of them has in front.
trace()
{
    sed -n '/^ *\(ring 3\|the kernel\) .* at 0x/,/likely:/p' "$1" | sed 's/^ *//'
}

# mistake NUMBER SAVE-COMMAND FILE
mistake()
{
    archive_program "$1"
    rm -f console saved
    cat >commands <<END
sh wait-for console '^  gdt '
echo 'info registers'
echo '$2'
echo quit
END
    qemu commands -m 64M -cpu max,la57=off -serial file:console -kernel "$root/build/$ARCH/quire.elf" \
        -initrd "$root/build/$ARCH/initrd.cpio,program.cpio" -append 'lf run stop'
    trace console >live
    explain --registers console --memory saved
    trace explanation >told
    [ -s live ]
    result $? "$ARCH, mistake $1: the live kernel explains it"
    check "$ARCH, mistake $1: a saved $3 tells the same" cmp live told
    contains "$ARCH, mistake $1: the kernel itself could go on" explanation "nothing is missing"
}

for ARCH in i386 i386pae x86_64; do
    build ARCH=$ARCH kernel >build.log 2>&1 || { cat build.log && exit 1; }
    mistake 1 'pmemsave 0 0x4000000 "saved"' 'raw image, console log'
    mistake 7 'dump-guest-memory saved' 'ELF core, console log'
    code=$(sed -n 's/^  error \([0-9a-f]*\).*/\1/p' console)
    explain --registers registers --memory saved --quire --code "0x$code"
    trace explanation >told
    check "$ARCH: QEMU's registers do as well" cmp live told
    explain --registers registers --memory saved --code "0x$code"
    contains "$ARCH: of a stranger's entry no promise is told" explanation ": not present"
    explain --registers registers --memory saved --quire --address 0 --code 4
    contains "$ARCH: any address can be asked about" explanation "a null pointer"
    head -c 1000000 saved >short
    explain --registers registers --memory short --quire
    equal "$ARCH: a core that is cut short is said to be" "$status $(grep -c 'cut short' explanation)" '0 1'
done

# --- the kernel's own death, and memory above the hole ---

rm -f console memory-file
cat >commands <<'END'
sh wait-for console '^  gdt '
echo 'info registers'
echo quit
END
ARCH=x86_64
qemu commands -m 4G -object memory-backend-file,id=m,size=4G,mem-path=memory-file,share=on -machine pc,memory-backend=m \
    -cpu max,la57=off -serial file:console -kernel "$root/build/$ARCH/quire.elf" \
    -initrd "$root/build/$ARCH/initrd.cpio" -append 'lf overflow stop'
explain --registers console --memory memory-file --hole-at 3G
contains "a memory backend's file: the kernel's stack overflow" explanation "a stack has outgrown its room"
contains "a memory backend's file has a hole" explanation "a raw image, 2 pieces"
rm -f memory-file

# --- somebody else's kernel, which resets the machine ---

# broken LEVELS MISTAKE
broken()
{
    gcc -m32 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-Ttext=0x100000 -Wl,-e,start \
        -DLEVELS="$1" -DMISTAKE="$2" -o broken.elf "$root/tests/boot/machines/broken.S" || exit 1
    rm -f log saved
    cat >commands <<'END'
sh wait-for log '^Triple fault'
echo 'info registers'
echo 'pmemsave 0 0x1000000 "saved"'
echo quit
END
    qemu commands -cpu max -m 16M -no-shutdown -d int,cpu_reset -D log -kernel broken.elf
    explain --registers log --memory saved
}

for levels in 2 3 4 5; do
    broken $levels 1
    contains "$levels levels, code not mapped: the fault" explanation "the kernel fetches an instruction at 0x1000"
    contains "$levels levels, code not mapped: the check" explanation "is not mapped: the entry of level 2 is empty"
    explain --registers registers --memory saved
    contains "$levels levels, code not mapped, registers alone: the check" explanation "the next instruction at 0x1000"
    contains "$levels levels, code not mapped, registers alone: CR2" explanation "whose address is lost"
    broken $levels 2
    contains "$levels levels, stack not mapped: the fault" explanation "the kernel writes at 0x7ffffc: not present"
    contains "$levels levels, stack not mapped: the check" explanation "the stack at 0x7fff00 is not mapped"
    broken $levels 4
    contains "$levels levels, CR3 is wrong: the fault" explanation "CR3 names no memory"
    broken $levels 6
    contains "$levels levels, a wrong selector: the code" explanation "selector 0x48, entry 9 of the GDT"
    contains "$levels levels, a wrong selector: the reason" explanation "likely: it lies beyond the table's limit"
    [ $levels = 2 ] && continue # which has no NX
    broken $levels 3
    contains "$levels levels, NX too early: the fault" explanation "has the NX bit, which is reserved until EFER.NXE is set"
    contains "$levels levels, NX too early: the check" explanation "entry 0 of the table at 0x10"
done

# CR4 is 0, as a CPU has it after reset, and that is known.
broken 2 5
contains "CR4.PSE forgotten: the entry" explanation "its page-size bit means nothing until CR4.PSE is set"
contains "CR4.PSE forgotten: the reason" explanation "likely: a large page means a table until CR4.PSE is set"
contains "CR4.PSE forgotten: the check" explanation "is a large page, which means a table until CR4.PSE is set"
contains "CR4.PSE forgotten: the instruction cannot be reached" explanation "the next instruction at 0x10"
broken 4 7
contains "an address that is not canonical" explanation \
    "likely: RBX holds 0x8000000000000, which is no address (not canonical)"
# A right in the root of PAE, which no emulator looks at: a processor refuses the move to CR0 that would load it.
cat >refused <<'END'
     0: v=0d e=0000 i=0 cpl=0 IP=0008:00000500 pc=00000500 SP=0010:00000f00 EAX=80000011
EAX=80000011 EBX=00000000 ECX=00000000 EDX=00000000
EIP=00000500 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
GDT=     00000000 00000000
CR0=00000011 CR2=00000000 CR3=00001000 CR4=00000020
EFER=0000000000000000
END
head -c 65536 /dev/zero >saved
printf '\017\042\300' | dd of=saved bs=1 seek=$((0x500)) conv=notrunc 2>/dev/null
printf '\003\040' | dd of=saved bs=1 seek=$((0x1000)) conv=notrunc 2>/dev/null
explain --registers refused --memory saved
contains "a right in the PAE root: paging is off" explanation "paging is off"
contains "a right in the PAE root: the reason" explanation "a value that this control register refuses"
contains "a right in the PAE root: the entry" explanation \
    "level 3, entry 0 of the table at 0x1000 has reserved bits: loading CR3 raises #GP"

# --- what cannot be used is refused in words ---

refused()
{
    words=$1
    shift
    explain "$@"
    equal "refused: $words" "$status $(grep -c "$words" explain-error)" "${wanted:-1} 1"
}
refused 'no registers in it' --registers saved --memory saved
refused 'No such file' --registers log --memory nowhere
refused 'no core' --registers log --memory broken.elf
refused 'shorter than one frame' --registers log --memory wait-for
refused 'not hold so many sets' --registers log --memory saved --set 1000
wanted=2
refused 'both are needed' --registers log
refused 'wants a number' --registers log --memory saved --address there
refused 'no such option' --registers log --memory saved --nonsense 1
equal "the front door leads there" "$("$quire" explain --registers log --memory saved 2>&1 | md5sum)" \
    "$("$root/build/host/gcc-64/explain" --registers log --memory saved 2>&1 | md5sum)"
printf 'EAX=0\nCR0=00000011 CR2=0 CR3=0 CR4=0\n' >unpaged
explain --registers unpaged --memory saved
contains "paging is off" explanation "paging is off"
finish
