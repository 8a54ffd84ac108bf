/* SPDX-License-Identifier: MIT */
/*
 * memory.c - saved physical memory.
 *
 * Both kinds of file come down to a list of segments. Nothing that the file says about itself is believed before it is
 * compared with its size; frames are read one at a time and kept in a small cache, so that a file may be larger than
 * this machine's memory, and may shrink while it is read.
 *
 * Rejected: mapping the file (one that is cut short while we read it would end us by a signal).
 */
#define _GNU_SOURCE /* pread, off_t of 64 bits */
#include "memory.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOUR_GIB     ((uint64_t)1 << 32)
#define PHYSICAL_MAX ((uint64_t)1 << 52)

static bool read_at(const memory_t *memory, uint64_t offset, void *to, size_t bytes)
{
    size_t done = 0;

    if (offset > memory->file_bytes || bytes > memory->file_bytes - offset)
        return false;
    while (done < bytes) {
        ssize_t count = pread(memory->file, (char *)to + done, bytes - done, (off_t)(offset + done));

        if (count <= 0 && !(count < 0 && errno == EINTR))
            return false;
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static void add_segment(memory_t *memory, uint64_t start, uint64_t bytes, uint64_t offset)
{
    uint64_t there = offset < memory->file_bytes ? memory->file_bytes - offset : 0;

    if (bytes > there) {
        memory->cut_short = true;
        bytes = there;
    }
    if (bytes != 0 && start < PHYSICAL_MAX)
        memory->segments[memory->count++] = (segment_t){start, bytes, offset};
}

static const char *open_raw(memory_t *memory, uint64_t hole_at)
{
    uint64_t below = hole_at != 0 && hole_at < memory->file_bytes ? hole_at : memory->file_bytes;

    memory->segments = calloc(2, sizeof(segment_t));
    if (memory->segments == NULL)
        return "there is no memory for its segments";
    add_segment(memory, 0, below, 0);
    if (below < memory->file_bytes)
        add_segment(memory, FOUR_GIB, memory->file_bytes - below, below);
    return NULL;
}

/* One program header; the two classes differ in the order of fields, too. */
static bool read_header(memory_t *memory, uint64_t offset, bool wide)
{
    Elf64_Phdr large;
    Elf32_Phdr small;

    if (wide ? !read_at(memory, offset, &large, sizeof(large)) : !read_at(memory, offset, &small, sizeof(small)))
        return false;
    if (wide && large.p_type == PT_LOAD)
        add_segment(memory, large.p_paddr, large.p_filesz, large.p_offset);
    if (!wide && small.p_type == PT_LOAD)
        add_segment(memory, small.p_paddr, small.p_filesz, small.p_offset);
    return true;
}

static const char *read_headers(memory_t *memory, uint64_t offset, size_t count, bool wide)
{
    size_t bytes = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

    if (count == PN_XNUM)
        return "this core has more than 65534 segments";
    memory->segments = calloc(count + 1, sizeof(segment_t));
    if (memory->segments == NULL)
        return "there is no memory for its segments";
    for (size_t i = 0; i < count; i++)
        if (offset > memory->file_bytes || !read_header(memory, offset + i * bytes, wide))
            return "this core ends in the middle of its program headers";
    return memory->count == 0 ? "this core has no memory in it" : NULL;
}

static const char *open_core(memory_t *memory, const unsigned char *identity)
{
    bool wide = identity[EI_CLASS] == ELFCLASS64;
    Elf64_Ehdr large = {0};
    Elf32_Ehdr small = {0};

    memory->core = true;
    if ((!wide && identity[EI_CLASS] != ELFCLASS32) || identity[EI_DATA] != ELFDATA2LSB)
        return "this ELF file is of no class that x86 has";
    if (wide ? !read_at(memory, 0, &large, sizeof(large)) : !read_at(memory, 0, &small, sizeof(small)))
        return "this ELF file ends in the middle of its header";
    if ((wide ? large.e_type : small.e_type) != ET_CORE)
        return "this ELF file is no core: a dump of memory is wanted, not the kernel";
    if (wide ? large.e_phentsize != sizeof(Elf64_Phdr) : small.e_phentsize != sizeof(Elf32_Phdr))
        return "this core has program headers of an unknown size";
    return wide ? read_headers(memory, large.e_phoff, large.e_phnum, true)
                : read_headers(memory, small.e_phoff, small.e_phnum, false);
}

const char *memory_open(memory_t *memory, const char *path, uint64_t hole_at)
{
    unsigned char identity[EI_NIDENT];
    struct stat status;

    memset(memory, 0, sizeof(*memory));
    memory->file = open(path, O_RDONLY | O_CLOEXEC);
    if (memory->file < 0)
        return strerror(errno);
    if (fstat(memory->file, &status) != 0 || !S_ISREG(status.st_mode))
        return "this is not a file";
    memory->file_bytes = (uint64_t)status.st_size;
    if (memory->file_bytes < QUIRE_PAGE_BYTES || !read_at(memory, 0, identity, sizeof(identity)))
        return "this file is shorter than one frame";
    if (memcmp(identity, "KDUMP", 5) == 0 || memcmp(identity, "makedumpfile", 12) == 0)
        return "this dump is compressed: save it without -z, -l and -s";
    return memcmp(identity, ELFMAG, SELFMAG) == 0 ? open_core(memory, identity) : open_raw(memory, hole_at);
}

void memory_close(memory_t *memory)
{
    if (memory->file >= 0)
        close(memory->file);
    free(memory->segments);
}

const void *memory_read(void *context, quire_frame_t frame)
{
    memory_t *memory = context;
    uint64_t start = quire_pa_of_frame(frame).value;
    size_t slot = frame.number % MEMORY_CACHED;

    if (memory->cached[slot] == (uint64_t)frame.number + 1)
        return memory->frames[slot];
    memory->cached[slot] = 0;
    for (size_t i = 0; i < memory->count; i++) {
        const segment_t *segment = &memory->segments[i];

        if (start < segment->start || start - segment->start >= segment->bytes ||
            segment->bytes - (start - segment->start) < QUIRE_PAGE_BYTES)
            continue;
        if (!read_at(memory, segment->offset + (start - segment->start), memory->frames[slot], QUIRE_PAGE_BYTES))
            return NULL;
        memory->cached[slot] = (uint64_t)frame.number + 1;
        return memory->frames[slot];
    }
    return NULL;
}
