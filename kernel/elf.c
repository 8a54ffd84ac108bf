/* SPDX-License-Identifier: MIT */
/*
 * elf.c - static executables, read and judged.
 *
 * Problem: the file is the first thing a stranger hands to the kernel. Every number in it may be wrong, and one that is
 * believed too early becomes a wild copy in ring 0. Idea: separate reading from loading. This file only reads: fields
 * are fetched by offset through one function that cannot leave the file, 32-bit fields are widened at once, and all
 * arithmetic is on 64 bits with every sum checked before it is made. Both classes go through the same code; they differ
 * in a table of offsets.
 *
 * The measure is Linux 6.1 (fs/binfmt_elf.c), so that the same files run on both: packers and hand-made files have
 * segments that overlap, descend, or are cut short. Of the identification only the first four bytes count, and the
 * machine; bytes of the ELF header that the file lacks are zeros, but the program headers must be there. What Linux
 * would load only to see it die at its first instruction, a file without segments, is refused in words.
 *
 * Invariants of an accepted image: segments lie in [machine->start, machine->end), the pages they begin in too; offsets
 * and addresses agree modulo the page where the file has bytes. The file is read twice: first it is judged, then what
 * was found good is written down; so nothing is given out that was refused, and there is no second copy of a large
 * structure.
 *
 * Position-independent programs (static-pie) are placed here too, at two thirds of the address space where Linux puts
 * them without randomisation; they relocate themselves.
 *
 * Rejected: casting the file to structs. It needs a struct for each class, trusts alignment, and invites reading a
 * field before its bounds are known.
 */
#include "elf.h"

enum { TYPE_REL = 1, TYPE_EXEC = 2, TYPE_DYN = 3, TYPE_CORE = 4 };
enum { BIG_ENDIAN = 2 };
enum { PT_LOAD = 1, PT_INTERP = 3, PT_GNU_STACK = 0x6474e551 };

/* Where the fields stand, by class. */
typedef struct layout {
    uint8_t word; /* bytes of an address */
    uint8_t header_bytes;
    uint8_t entry;
    uint8_t program_offset;
    uint8_t program_entry_bytes;
    uint8_t program_count;
    uint8_t program_bytes; /* of one program header; its fields follow */
    uint8_t offset;
    uint8_t address;
    uint8_t file_bytes;
    uint8_t memory_bytes;
    uint8_t flags;
    uint8_t align;
} layout_t;

static const layout_t layout_32 = {.word = 4,
                                   .header_bytes = 52,
                                   .entry = 24,
                                   .program_offset = 28,
                                   .program_entry_bytes = 42,
                                   .program_count = 44,
                                   .program_bytes = 32,
                                   .offset = 4,
                                   .address = 8,
                                   .file_bytes = 16,
                                   .memory_bytes = 20,
                                   .flags = 24,
                                   .align = 28};
static const layout_t layout_64 = {.word = 8,
                                   .header_bytes = 64,
                                   .entry = 24,
                                   .program_offset = 32,
                                   .program_entry_bytes = 54,
                                   .program_count = 56,
                                   .program_bytes = 56,
                                   .offset = 8,
                                   .address = 16,
                                   .file_bytes = 32,
                                   .memory_bytes = 40,
                                   .flags = 4,
                                   .align = 48};

typedef struct reader {
    const uint8_t *file;
    uint64_t bytes;
    const layout_t *layout;
    const elf_machine_t *machine;
    const char **reason;
    uint64_t program_offset; /* of the program headers */
    unsigned header_count;
    bool relocatable;
    /* What judging the segments has found. */
    unsigned segment_count;
    uint64_t low;      /* the page of the lowest */
    uint64_t end;      /* of the highest; if split, of the last one of data */
    uint64_t code_end; /* if split */
    uint64_t align;    /* the largest that a segment asks for */
    uint64_t stack;    /* program header of the stack, 0 if there is none */
    uint64_t bias;
} reader_t;

static quire_status_t refuse(const reader_t *reader, quire_status_t status, const char *reason)
{
    *reader->reason = reason;
    return status;
}

/* A little-endian number; zeros beyond the end of the file. */
static uint64_t field(const reader_t *reader, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size && offset < reader->bytes && i < reader->bytes - offset; i++)
        value |= (uint64_t)reader->file[offset + i] << (8 * i);
    return value;
}

static uint64_t word(const reader_t *reader, uint64_t offset)
{
    return field(reader, offset, reader->layout->word);
}

static quire_status_t check_identity(reader_t *reader)
{
    static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};
    const elf_machine_t *machine = reader->machine;
    uint64_t number;

    if (reader->bytes >= 2 && reader->file[0] == '#' && reader->file[1] == '!')
        return refuse(reader, QUIRE_UNSUPPORTED, "it is a script, not an ELF executable");
    for (unsigned i = 0; i < sizeof(magic); i++) {
        if (i >= reader->bytes || reader->file[i] != magic[i])
            return refuse(reader, QUIRE_INVALID, "it is not an ELF file");
    }
    reader->layout = machine->class == ELF_CLASS_64 ? &layout_64 : &layout_32;
    number = field(reader, 18, 2);
    if (number == machine->machine || (number == ELF_MACHINE_486 && machine->machine == ELF_MACHINE_386))
        return QUIRE_OK;
    if (field(reader, 5, 1) == BIG_ENDIAN)
        return refuse(reader, QUIRE_UNSUPPORTED, "it is for a big-endian machine");
    if (number == ELF_MACHINE_X86_64)
        return refuse(reader, QUIRE_UNSUPPORTED, "it is a 64-bit program, and this kernel is a 32-bit one");
    if (number == ELF_MACHINE_386)
        return refuse(reader, QUIRE_UNSUPPORTED, "it is a 32-bit program, and this kernel runs 64-bit ones only");
    return refuse(reader, QUIRE_UNSUPPORTED, "it is for another kind of processor");
}

static quire_status_t check_type(reader_t *reader)
{
    switch (field(reader, 16, 2)) {
    case TYPE_EXEC:
        return QUIRE_OK;
    case TYPE_DYN:
        if (reader->machine->split)
            return refuse(reader, QUIRE_UNSUPPORTED, "its code and data cannot be placed apart");
        reader->relocatable = true;
        return QUIRE_OK;
    case TYPE_REL:
        return refuse(reader, QUIRE_INVALID, "it is an object file that has not been linked");
    case TYPE_CORE:
        return refuse(reader, QUIRE_INVALID, "it is a core dump");
    default:
        return refuse(reader, QUIRE_INVALID, "it is of an unknown ELF type");
    }
}

static quire_status_t find_headers(reader_t *reader)
{
    const layout_t *layout = reader->layout;
    uint64_t offset = word(reader, layout->program_offset);
    uint64_t count = field(reader, layout->program_count, 2);
    uint64_t bytes = count * layout->program_bytes;

    if (field(reader, layout->program_entry_bytes, 2) != layout->program_bytes)
        return refuse(reader, QUIRE_INVALID, "its program headers have the wrong size");
    if (count == 0)
        return refuse(reader, QUIRE_INVALID, "it has no program headers");
    if (bytes > ELF_HEADERS_BYTES_MAX)
        return refuse(reader, QUIRE_INVALID, "it has too many program headers");
    if (offset > reader->bytes || bytes > reader->bytes - offset)
        return refuse(reader, QUIRE_INVALID, "its program headers lie beyond the end of the file");
    reader->program_offset = offset;
    reader->header_count = (unsigned)count;
    return QUIRE_OK;
}

static uint64_t header_at(const reader_t *reader, unsigned index)
{
    return reader->program_offset + (uint64_t)index * reader->layout->program_bytes;
}

static uint32_t kind_of(const reader_t *reader, uint64_t header)
{
    return (uint32_t)field(reader, header, 4);
}

/* As the file has it. */
static elf_segment_t segment_of(const reader_t *reader, uint64_t header)
{
    const layout_t *layout = reader->layout;

    return (elf_segment_t){.address = word(reader, header + layout->address),
                           .memory_bytes = word(reader, header + layout->memory_bytes),
                           .file_offset = word(reader, header + layout->offset),
                           .file_bytes = word(reader, header + layout->file_bytes),
                           .prot = (unsigned)field(reader, header + layout->flags, 4) & 7};
}

static uint64_t page_of(uint64_t address)
{
    return address & ~(uint64_t)QUIRE_PAGE_MASK;
}

/* What a segment must be by itself, wherever it will lie. */
static quire_status_t check_segment(const reader_t *reader, const elf_segment_t *segment)
{
    const elf_machine_t *machine = reader->machine;

    if (segment->file_bytes > segment->memory_bytes)
        return refuse(reader, QUIRE_INVALID, "a segment has more bytes in the file than in memory");
    if (segment->file_offset > INT64_MAX - (machine->end | QUIRE_PAGE_MASK))
        return refuse(reader, QUIRE_INVALID, "a segment begins where no file can reach");
    if (segment->file_bytes != 0 && ((segment->file_offset ^ segment->address) & QUIRE_PAGE_MASK) != 0)
        return refuse(reader, QUIRE_INVALID, "a segment's address and file offset disagree within the page");
    if (segment->memory_bytes > machine->end || segment->address > machine->end - segment->memory_bytes)
        return refuse(reader, QUIRE_NO_SPACE, "a segment reaches into the kernel's half of the address space");
    if (!reader->relocatable && page_of(segment->address) < machine->start)
        return refuse(reader, QUIRE_NO_SPACE, "a segment lies below 64 KiB, where nothing is ever mapped");
    return QUIRE_OK;
}

/* What only a machine of two address spaces asks. */
static quire_status_t check_split(reader_t *reader, const elf_segment_t *segment)
{
    bool code = (segment->prot & ELF_PROT_EXEC) != 0;
    uint64_t *end = code ? &reader->code_end : &reader->end;

    if (segment->file_offset > reader->bytes || segment->file_bytes > reader->bytes - segment->file_offset)
        return refuse(reader, QUIRE_INVALID, "it is cut short: a segment reaches beyond the end of the file");
    if (segment->address < *end)
        return refuse(reader, QUIRE_INVALID, "its segments overlap, or are not in ascending order");
    *end = segment->address + segment->memory_bytes;
    return QUIRE_OK;
}

static quire_status_t judge_segment(reader_t *reader, uint64_t header)
{
    elf_segment_t segment = segment_of(reader, header);
    uint64_t align = word(reader, header + reader->layout->align);
    quire_status_t status;

    if (segment.memory_bytes == 0 && segment.file_bytes == 0)
        return QUIRE_OK;
    status = check_segment(reader, &segment);
    if (status == QUIRE_OK && reader->machine->split)
        status = check_split(reader, &segment);
    if (status != QUIRE_OK)
        return status;
    reader->segment_count++;
    if (page_of(segment.address) < reader->low)
        reader->low = page_of(segment.address);
    if (!reader->machine->split && segment.address + segment.memory_bytes > reader->end)
        reader->end = segment.address + segment.memory_bytes;
    if ((align & (align - 1)) == 0 && align > reader->align)
        reader->align = align;
    return QUIRE_OK;
}

static quire_status_t judge_segments(reader_t *reader)
{
    reader->low = UINT64_MAX;
    for (unsigned i = 0; i < reader->header_count; i++) {
        uint64_t header = header_at(reader, i);
        quire_status_t status = QUIRE_OK;

        switch (kind_of(reader, header)) {
        case PT_LOAD:
            status = judge_segment(reader, header);
            break;
        case PT_INTERP:
            return refuse(reader, QUIRE_UNSUPPORTED,
                          "it is a dynamic program and needs an interpreter; link it with -static");
        case PT_GNU_STACK:
            reader->stack = header;
            break;
        default:
            break;
        }
        if (status != QUIRE_OK)
            return status;
    }
    if (reader->segment_count == 0)
        return refuse(reader, QUIRE_INVALID, "it has nothing to load");
    return QUIRE_OK;
}

/* What brings a position-independent image to its place. An alignment that leaves no room is not kept. */
static quire_status_t place(reader_t *reader)
{
    const elf_machine_t *machine = reader->machine;
    uint64_t align = reader->align > QUIRE_PAGE_BYTES ? reader->align : QUIRE_PAGE_BYTES;
    uint64_t wanted = machine->end / 3 * 2;
    uint64_t base = wanted & ~(align - 1);

    if (!reader->relocatable)
        return QUIRE_OK;
    if (base < machine->start)
        base = page_of(wanted);
    if (reader->end - reader->low > machine->end - base)
        return refuse(reader, QUIRE_NO_SPACE, "it is too large for the address space");
    reader->bias = base - reader->low;
    return QUIRE_OK;
}

/* The C library finds its thread-local storage by its own program headers. */
static void locate_headers(const reader_t *reader, const elf_segment_t *segment, elf_image_t *image)
{
    if (segment->file_offset <= reader->program_offset &&
        reader->program_offset - segment->file_offset < segment->file_bytes)
        image->headers = segment->address + (reader->program_offset - segment->file_offset);
}

static void write_down(const reader_t *reader, elf_image_t *image)
{
    bool narrow = reader->machine->class == ELF_CLASS_32;

    image->relocatable = reader->relocatable;
    image->bias = reader->bias;
    image->entry = word(reader, reader->layout->entry) + reader->bias;
    image->headers = 0;
    image->header_bytes = reader->layout->program_bytes;
    image->header_count = reader->header_count;
    image->end = reader->end + reader->bias;
    image->code_end = reader->code_end;
    image->stack_bytes = 0;
    image->readable_is_executable = narrow && reader->stack == 0;
    image->executable_stack = image->readable_is_executable;
    image->segment_count = 0;
    if (reader->stack != 0) {
        image->executable_stack = (segment_of(reader, reader->stack).prot & ELF_PROT_EXEC) != 0;
        image->stack_bytes = segment_of(reader, reader->stack).memory_bytes;
    }
    for (unsigned i = 0; i < reader->header_count; i++) {
        elf_segment_t segment = segment_of(reader, header_at(reader, i));

        if (kind_of(reader, header_at(reader, i)) != PT_LOAD || segment.memory_bytes == 0)
            continue;
        segment.address += reader->bias;
        locate_headers(reader, &segment, image);
        image->segments[image->segment_count++] = segment;
    }
}

quire_status_t elf_parse(const void *file, size_t bytes, const elf_machine_t *machine, elf_image_t *image,
                         const char **reason)
{
    reader_t reader = {.file = file, .bytes = bytes, .machine = machine, .reason = reason};
    quire_status_t status = check_identity(&reader);

    if (status == QUIRE_OK)
        status = check_type(&reader);
    if (status == QUIRE_OK)
        status = find_headers(&reader);
    if (status == QUIRE_OK)
        status = judge_segments(&reader);
    if (status == QUIRE_OK)
        status = place(&reader);
    if (status != QUIRE_OK)
        return status;
    if (word(&reader, reader.layout->entry) + reader.bias >= machine->end)
        return refuse(&reader, QUIRE_INVALID, "it begins outside its own addresses");
    write_down(&reader, image);
    return QUIRE_OK;
}
