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
 * Invariants of an accepted image: segments ascend and do not overlap, lie in [machine->start, machine->end) and in the
 * file; offsets and addresses agree modulo the page, as Linux demands, so that the same files run on both. Two
 * segments may meet in one page.
 *
 * Position-independent programs (static-pie) are placed here too, at two thirds of the address space where Linux puts
 * them without randomisation; they relocate themselves.
 *
 * Rejected: casting the file to structs. It needs a struct for each class, trusts alignment, and invites reading a
 * field before its bounds are known.
 */
#include "elf.h"

#define HEADER_BYTES_MAX 65536 /* of program headers, as in Linux */

enum { TYPE_REL = 1, TYPE_EXEC = 2, TYPE_DYN = 3, TYPE_CORE = 4 };
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
    uint64_t align;          /* the largest that a segment asks for */
} reader_t;

static quire_status_t refuse(const reader_t *reader, quire_status_t status, const char *reason)
{
    *reader->reason = reason;
    return status;
}

/* A little-endian number; 0 beyond the end of the file, which callers have excluded. */
static uint64_t field(const reader_t *reader, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    if (offset > reader->bytes || size > reader->bytes - offset)
        return 0;
    for (unsigned i = 0; i < size; i++)
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

    if (reader->bytes >= 2 && reader->file[0] == '#' && reader->file[1] == '!')
        return refuse(reader, QUIRE_UNSUPPORTED, "it is a script, not an ELF executable");
    for (unsigned i = 0; i < sizeof(magic); i++) {
        if (i >= reader->bytes || reader->file[i] != magic[i])
            return refuse(reader, QUIRE_INVALID, "it is not an ELF file");
    }
    if (reader->bytes < 6 || (reader->file[4] != ELF_CLASS_32 && reader->file[4] != ELF_CLASS_64))
        return refuse(reader, QUIRE_INVALID, "its ELF class is neither 32 nor 64 bits");
    reader->layout = reader->file[4] == ELF_CLASS_64 ? &layout_64 : &layout_32;
    if (reader->bytes < reader->layout->header_bytes)
        return refuse(reader, QUIRE_INVALID, "it is cut short within the ELF header");
    if (reader->file[5] != 1)
        return refuse(reader, QUIRE_UNSUPPORTED, "it is for a big-endian machine");
    if (reader->file[4] != machine->class)
        return refuse(reader, QUIRE_UNSUPPORTED,
                      machine->class == ELF_CLASS_32 ? "it is a 64-bit program, and this kernel is a 32-bit one"
                                                     : "it is a 32-bit program, and this kernel runs 64-bit ones only");
    if (field(reader, 18, 2) != machine->machine)
        return refuse(reader, QUIRE_UNSUPPORTED, "it is for another kind of processor");
    return QUIRE_OK;
}

static quire_status_t check_type(const reader_t *reader, elf_image_t *image)
{
    switch (field(reader, 16, 2)) {
    case TYPE_EXEC:
        return QUIRE_OK;
    case TYPE_DYN:
        if (reader->machine->split)
            return refuse(reader, QUIRE_UNSUPPORTED, "its code and data cannot be placed apart");
        image->relocatable = true;
        return QUIRE_OK;
    case TYPE_REL:
        return refuse(reader, QUIRE_INVALID, "it is an object file that has not been linked");
    case TYPE_CORE:
        return refuse(reader, QUIRE_INVALID, "it is a core dump");
    default:
        return refuse(reader, QUIRE_INVALID, "it is of an unknown ELF type");
    }
}

static quire_status_t find_headers(reader_t *reader, elf_image_t *image)
{
    const layout_t *layout = reader->layout;
    uint64_t offset = word(reader, layout->program_offset);
    uint64_t count = field(reader, layout->program_count, 2);
    uint64_t bytes = count * layout->program_bytes;

    if (field(reader, layout->program_entry_bytes, 2) != layout->program_bytes)
        return refuse(reader, QUIRE_INVALID, "its program headers have the wrong size");
    if (count == 0)
        return refuse(reader, QUIRE_INVALID, "it has no program headers");
    if (bytes > HEADER_BYTES_MAX)
        return refuse(reader, QUIRE_INVALID, "it has too many program headers");
    if (offset > reader->bytes || bytes > reader->bytes - offset)
        return refuse(reader, QUIRE_INVALID, "its program headers lie beyond the end of the file");
    reader->program_offset = offset;
    image->header_bytes = layout->program_bytes;
    image->header_count = (unsigned)count;
    return QUIRE_OK;
}

/* What a segment must be by itself, wherever it will lie. */
static quire_status_t check_segment(const reader_t *reader, const elf_segment_t *segment, bool relocatable)
{
    const elf_machine_t *machine = reader->machine;

    if (segment->file_bytes > segment->memory_bytes)
        return refuse(reader, QUIRE_INVALID, "a segment has more bytes in the file than in memory");
    if (segment->file_offset > reader->bytes || segment->file_bytes > reader->bytes - segment->file_offset)
        return refuse(reader, QUIRE_INVALID, "it is cut short: a segment reaches beyond the end of the file");
    if (segment->file_bytes != 0 && ((segment->file_offset ^ segment->address) & QUIRE_PAGE_MASK) != 0)
        return refuse(reader, QUIRE_INVALID, "a segment's address and file offset disagree within the page");
    if (segment->address + segment->memory_bytes < segment->address)
        return refuse(reader, QUIRE_INVALID, "a segment wraps around the end of the address space");
    if (segment->address + segment->memory_bytes > machine->end)
        return refuse(reader, QUIRE_NO_SPACE, "a segment reaches into the kernel's half of the address space");
    if (!relocatable && segment->address < machine->start)
        return refuse(reader, QUIRE_NO_SPACE, "a segment lies below 64 KiB, where nothing is ever mapped");
    return QUIRE_OK;
}

static quire_status_t add_segment(reader_t *reader, elf_image_t *image, uint64_t header)
{
    const layout_t *layout = reader->layout;
    uint64_t align = word(reader, header + layout->align);
    elf_segment_t segment = {.address = word(reader, header + layout->address),
                             .memory_bytes = word(reader, header + layout->memory_bytes),
                             .file_offset = word(reader, header + layout->offset),
                             .file_bytes = word(reader, header + layout->file_bytes),
                             .prot = (unsigned)field(reader, header + layout->flags, 4) & 7};
    bool code = reader->machine->split && (segment.prot & ELF_PROT_EXEC) != 0;
    uint64_t *end = code ? &image->code_end : &image->end;
    quire_status_t status = check_segment(reader, &segment, image->relocatable);

    if (status != QUIRE_OK)
        return status;
    if (segment.memory_bytes == 0)
        return QUIRE_OK;
    if (image->segment_count == ELF_SEGMENTS_MAX)
        return refuse(reader, QUIRE_UNSUPPORTED, "it has too many segments");
    if (segment.address < *end)
        return refuse(reader, QUIRE_INVALID, "its segments overlap, or are not in ascending order");
    if ((align & (align - 1)) == 0 && align > reader->align)
        reader->align = align;
    *end = segment.address + segment.memory_bytes;
    image->segments[image->segment_count++] = segment;
    return QUIRE_OK;
}

static quire_status_t read_headers(reader_t *reader, elf_image_t *image)
{
    const layout_t *layout = reader->layout;

    for (unsigned i = 0; i < image->header_count; i++) {
        uint64_t header = reader->program_offset + (uint64_t)i * layout->program_bytes;
        quire_status_t status = QUIRE_OK;

        switch ((uint32_t)field(reader, header, 4)) {
        case PT_LOAD:
            status = add_segment(reader, image, header);
            break;
        case PT_INTERP:
            return refuse(reader, QUIRE_UNSUPPORTED,
                          "it is a dynamic program and needs an interpreter; link it with -static");
        case PT_GNU_STACK:
            image->executable_stack = (field(reader, header + layout->flags, 4) & ELF_PROT_EXEC) != 0;
            image->stack_bytes = word(reader, header + layout->memory_bytes);
            break;
        default:
            break;
        }
        if (status != QUIRE_OK)
            return status;
    }
    if (image->segment_count == 0)
        return refuse(reader, QUIRE_INVALID, "it has nothing to load");
    return QUIRE_OK;
}

/* Adds what brings a position-independent image to its place. */
static quire_status_t place(const reader_t *reader, elf_image_t *image)
{
    const elf_machine_t *machine = reader->machine;
    uint64_t align = reader->align > QUIRE_PAGE_BYTES ? reader->align : QUIRE_PAGE_BYTES;
    uint64_t base = machine->end / 3 * 2 & ~(align - 1);

    if (!image->relocatable)
        return QUIRE_OK;
    if (base < machine->start || image->end > machine->end - base)
        return refuse(reader, QUIRE_NO_SPACE, "it is too large for the address space");
    image->bias = base;
    for (unsigned i = 0; i < image->segment_count; i++)
        image->segments[i].address += image->bias;
    image->end += image->bias;
    image->entry += image->bias;
    return QUIRE_OK;
}

static quire_status_t check_entry(const reader_t *reader, const elf_image_t *image)
{
    for (unsigned i = 0; i < image->segment_count; i++) {
        const elf_segment_t *segment = &image->segments[i];

        if ((segment->prot & ELF_PROT_EXEC) != 0 && image->entry >= segment->address &&
            image->entry - segment->address < segment->memory_bytes)
            return QUIRE_OK;
    }
    return refuse(reader, QUIRE_INVALID, "its entry point is not in a segment that may be executed");
}

/* The C library finds its thread-local storage by its own program headers. */
static void locate_headers(const reader_t *reader, elf_image_t *image)
{
    uint64_t bytes = (uint64_t)image->header_count * image->header_bytes;

    for (unsigned i = 0; i < image->segment_count; i++) {
        const elf_segment_t *segment = &image->segments[i];
        uint64_t within = reader->program_offset - segment->file_offset;

        if (reader->program_offset >= segment->file_offset && within <= segment->file_bytes &&
            bytes <= segment->file_bytes - within) {
            image->headers = segment->address + within;
            return;
        }
    }
}

quire_status_t elf_parse(const void *file, size_t bytes, const elf_machine_t *machine, elf_image_t *image,
                         const char **reason)
{
    reader_t reader = {.file = file, .bytes = bytes, .machine = machine, .reason = reason};
    elf_image_t result = {0};
    quire_status_t status = check_identity(&reader);

    if (status == QUIRE_OK)
        status = check_type(&reader, &result);
    if (status == QUIRE_OK)
        status = find_headers(&reader, &result);
    if (status == QUIRE_OK)
        status = read_headers(&reader, &result);
    if (status != QUIRE_OK)
        return status;
    result.entry = word(&reader, reader.layout->entry);
    status = place(&reader, &result);
    if (status == QUIRE_OK)
        status = check_entry(&reader, &result);
    if (status != QUIRE_OK)
        return status;
    locate_headers(&reader, &result);
    *image = result;
    return QUIRE_OK;
}
