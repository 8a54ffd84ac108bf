/* SPDX-License-Identifier: MIT */
/*
 * elf.h - static executables, read and judged; nothing is loaded here (System V ABI, "Object Files"; ELF-64 Object File
 * Format 1.5).
 *
 * The file may be anything at all, and is judged as Linux judges it: segments come in any order, overlap, and may reach
 * beyond the end of the file; where the program begins is its own affair. What elf_parse() accepts lies within the
 * given addresses, with sums that do not wrap. Of a machine whose code and data are two address spaces more is asked:
 * there every segment lies within the file, and ascends.
 */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include <quire/types.h>

#define ELF_HEADERS_BYTES_MAX 4096 /* of program headers, as on Linux */
#define ELF_SEGMENTS_MAX      (ELF_HEADERS_BYTES_MAX / 32)

#define ELF_CLASS_32       1
#define ELF_CLASS_64       2
#define ELF_MACHINE_386    3
#define ELF_MACHINE_486    6 /* the same, in words of long ago */
#define ELF_MACHINE_X86_64 62

enum elf_prot {
    ELF_PROT_EXEC = 1,
    ELF_PROT_WRITE = 2,
    ELF_PROT_READ = 4,
};

/* What this kernel can run, and where. */
typedef struct elf_machine {
    uint8_t class;
    uint16_t machine;
    uint64_t start; /* page aligned; programs lie in [start, end) */
    uint64_t end;
    bool split; /* code and data are two address spaces: each ascends by itself */
} elf_machine_t;

/* One part of the program's memory, in the order of the file: a later one replaces what it covers of earlier ones.
   `address` need not be page aligned. */
typedef struct elf_segment {
    uint64_t address;
    uint64_t memory_bytes; /* at least file_bytes, not 0; the rest is zeros */
    uint64_t file_offset;
    uint64_t file_bytes;
    unsigned prot; /* elf_prot */
} elf_segment_t;

typedef struct elf_image {
    bool relocatable; /* position-independent: it was placed, its addresses below are where it will be */
    uint64_t bias;    /* what placing it added to the addresses in the file */
    uint64_t entry;
    uint64_t headers; /* address of the program headers in the program's own memory; 0: they are not loaded */
    unsigned header_bytes;
    unsigned header_count;
    uint64_t end;         /* first byte after the highest segment; if split, after the last one of data */
    uint64_t code_end;    /* if split: first byte after the last segment of code, 0 if there is none */
    uint64_t stack_bytes; /* what the file asks for its stack; 0: nothing in particular */
    bool executable_stack;
    bool readable_is_executable; /* a 32-bit file that does not say what its stack is, and so is older than the question
                                  */
    unsigned segment_count;
    elf_segment_t segments[ELF_SEGMENTS_MAX];
} elf_image_t;

/* QUIRE_INVALID: not a sound executable. QUIRE_UNSUPPORTED: sound perhaps, but not for this kernel. QUIRE_NO_SPACE: its
   addresses are not within the machine's. *reason (not NULL) then says why, as a part of a sentence. */
quire_status_t elf_parse(const void *file, size_t bytes, const elf_machine_t *machine, elf_image_t *image,
                         const char **reason) QUIRE_MUST_CHECK;

#endif
