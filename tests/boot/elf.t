# SPDX-License-Identifier: MIT
# Executables as packers and people write them, whose segments are untidy: they run as on Linux.
. "$(dirname "$0")/../harness/tap.sh"

# number BYTES VALUE: little-endian.
number()
{
    rest=$(($2))
    for _ in $(seq "$1"); do
        printf '%b' "\\0$(printf %03o $((rest & 255)))"
        rest=$((rest >> 8))
    done
}

word() { for value; do number $word "$value"; done; }

# header COUNT ENTRY: of the file, with COUNT program headers behind it.
header()
{
    printf '\177ELF%b\001\001' "\\0$((word / 4))" && number 9 0
    number 2 2 && number 2 "$processor" && number 4 1
    word "$2" "$header_bytes" 0
    number 4 0 && number 2 "$header_bytes" && number 2 "$program_bytes" && number 2 "$1"
    number 2 0 && number 2 0 && number 2 0
}

# segment RIGHTS OFFSET ADDRESS FILE-BYTES MEMORY-BYTES
segment()
{
    number 4 1
    [ $word -eq 4 ] || number 4 "$1"
    word "$2" "$3" "$3" "$4" "$5"
    [ $word -eq 8 ] || number 4 "$1"
    word 4096
}

# finish_file NAME BYTES: what comes in becomes a file of BYTES bytes with code at 0x100 that exits with 42.
finish_file()
{
    cat >"$1"
    head -c $((0x100 - $(wc -c <"$1"))) /dev/zero >>"$1"
    # mov edi, 42; mov eax, 60; syscall - or mov ebx, 42; mov eax, 1; int 0x80
    if [ $word -eq 8 ]; then
        printf '\277\052\0\0\0\270\074\0\0\0\017\005' >>"$1"
    else
        printf '\273\052\0\0\0\270\001\0\0\0\315\200' >>"$1"
    fi
    head -c $(($2 - $(wc -c <"$1"))) /dev/zero >>"$1"
    chmod +x "$1"
}

# ends NAME WORDS: with 42, there as here.
ends()
{
    machine --word account "$scratch/$1"
    equal "$ARCH: $2" "$status" 42
    if [ $ARCH = x86_64 ] && can_run gcc -m64; then
        "$scratch/$1"
        equal "and so on Linux" "$?" 42
    fi
}

base=0x400000
for ARCH in x86_64 i386 i386pae; do
    export ARCH
    word=4 processor=3 header_bytes=52 program_bytes=32
    [ $ARCH != x86_64 ] || word=8 processor=62 header_bytes=64 program_bytes=56
    { header 1 $((base + 0x100)) && segment 5 0 $base 0x200 0x200; } | finish_file "$scratch/beyond" 0x110
    ends beyond "a segment that has more bytes than its file"
    {
        header 2 $((base + 0x2100))
        segment 6 0 $base 0x1000 0x8000
        segment 5 0 $((base + 0x2000)) 0x200 0x200
    } | finish_file "$scratch/inside" 0x1000
    ends inside "a segment that lies within an earlier one"
    { header 1 $((base + 0x3000)) && segment 5 0 $base 0x4000 0x4000; } | finish_file "$scratch/lacking" 0x200
    machine --word account "$scratch/lacking"
    equal "$ARCH: a program that begins in a page that its file does not have ends at once" "$status" 139
done
finish
