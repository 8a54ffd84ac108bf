# SPDX-License-Identifier: MIT
# Executables that lie: the kernel refuses each in words (status 126) and ends as it should. The loader's own tests go
# further; these see that nothing is lost on the way there.
. "$(dirname "$0")/../harness/tap.sh"

# put OFFSET BYTES...: writes bytes, given in octal, into the copy.
put()
{
    offset=$1
    shift
    printf "$(printf '\\%s' "$@")" | dd of="$bad" bs=1 seek="$offset" conv=notrunc 2>/dev/null
}

fresh()
{
    bad=$scratch/bad
    cp "$good" "$bad"
}

# refused NAME: the copy as it is now.
refused()
{
    machine "$bad"
    equal "$ARCH: $1: status" "$status" 126
    contains "$ARCH: $1: told in words" "$scratch/err" 'cannot run'
}

# Offsets are those of ELF32 and ELF64: entry, program header offset, entry size, count; then p_offset, p_vaddr, p_filesz and
# p_memsz within the first program header.
for ARCH in i386pae x86_64; do
    export ARCH
    good=$root/build/$ARCH/root/bin/hello
    case $ARCH in
    x86_64) entry=24 table=32 size=54 count=56 header=64 file_offset=8 address=16 file_size=32 memory_size=40 ;;
    *) entry=24 table=28 size=42 count=44 header=52 file_offset=4 address=8 file_size=16 memory_size=20 ;;
    esac
    max='377 377 377 377'
    # In the kernel's half, or beyond it.
    far='0 0 0 377'
    [ "$ARCH" = x86_64 ] && far='0 0 0 0 0 0 0 377'

    bad=$scratch/bad
    : >"$bad" && chmod +x "$bad"
    refused "an empty file"
    head -c 40 "$good" >"$bad"
    refused "half a header"
    head -c 200 "$good" >"$bad"
    refused "no content"
    # shellcheck disable=SC2086 # lists of octal numbers
    {
        fresh && put 0 0
        refused "another magic number"
        fresh && put 18 1 0
        refused "another machine"
        fresh && put $entry $far
        refused "an entry point nowhere"
        fresh && put $table $max
        refused "program headers outside the file"
        fresh && put $size 1 0
        refused "program headers of one byte"
        fresh && put $count 377 377
        refused "program headers without end"
        fresh && put $((header + file_offset)) $max
        refused "a segment outside the file"
        fresh && put $((header + file_size)) $max
        refused "a segment larger than the file"
        fresh && put $((header + memory_size)) $far
        refused "a segment larger than all memory"
        fresh && put $((header + memory_size)) 0 0 0 0
        refused "a segment smaller than its content"
        fresh && put $((header + address)) $far
        refused "a segment at a forbidden or wrong place"
    }
done
finish
