/* SPDX-License-Identifier: MIT */
/* memory.c - saved memory: what is there is found, what a file lies about is not believed. */
#define _GNU_SOURCE /* memfd_create */
#include "explain/memory.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

#define FRAMES_OFFSET ((size_t)0x1000)
#define FRAMES        8

static memory_t memory;
static unsigned char image[FRAMES_OFFSET + FRAMES * QUIRE_PAGE_BYTES];

/* The file's content, as a path; the answer of memory_open(). */
static const char *open_bytes(const void *bytes, size_t count, uint64_t hole_at)
{
    char path[64];
    int file = memfd_create("memory", 0);
    const char *why;

    CHECK(file >= 0 && write(file, bytes, count) == (ssize_t)count);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    why = memory_open(&memory, path, hole_at);
    close(file);
    return why;
}

/* The first byte of a frame; -1: it is not there. */
static int byte_at(uint64_t pa)
{
    const unsigned char *frame = memory_read(&memory, quire_frame_of_pa(quire_pa(pa)));

    return frame == NULL ? -1 : frame[0];
}

static void number_frames(void)
{
    memset(image, 0, sizeof(image));
    for (unsigned i = 0; i < sizeof(image) / QUIRE_PAGE_BYTES; i++)
        image[i * QUIRE_PAGE_BYTES] = (unsigned char)(i + 1);
}

TEST(explain, raw_memory_and_its_hole)
{
    number_frames();
    CHECK(open_bytes(image, sizeof(image), 0) == NULL);
    CHECK_EQUAL(byte_at(0), 1);
    CHECK_EQUAL(byte_at(0x8000), 9);
    CHECK_EQUAL(byte_at(0x9000), -1);
    CHECK_EQUAL(byte_at((uint64_t)1 << 51), -1);
    memory_close(&memory);
    CHECK(open_bytes(image, sizeof(image), 0x3000) == NULL);
    CHECK_EQUAL(byte_at(0x2000), 3);
    CHECK_EQUAL(byte_at(0x3000), -1);
    CHECK_EQUAL(byte_at((uint64_t)1 << 32), 4);
    memory_close(&memory);
    CHECK(open_bytes(image, 0x1800, 0) == NULL);
    CHECK_EQUAL(byte_at(0x1000), -1); /* half a frame is none */
    memory_close(&memory);
}

static Elf64_Phdr *make_core(void)
{
    Elf64_Ehdr *header = (Elf64_Ehdr *)image;

    number_frames();
    memset(image, 0, sizeof(*header));
    memcpy(header->e_ident, ELFMAG, SELFMAG);
    header->e_ident[EI_CLASS] = ELFCLASS64;
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_type = ET_CORE;
    header->e_phoff = sizeof(*header);
    header->e_phentsize = sizeof(Elf64_Phdr);
    header->e_phnum = 2;
    return (Elf64_Phdr *)(header + 1);
}

TEST(explain, cores_of_both_classes)
{
    Elf64_Phdr *segments = make_core();
    Elf32_Ehdr *small = (Elf32_Ehdr *)image;
    Elf32_Phdr *small_segment = (Elf32_Phdr *)(small + 1);

    segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = 0x1000, .p_paddr = 0, .p_filesz = 0x2000};
    segments[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = 0x3000, .p_paddr = (uint64_t)1 << 32, .p_filesz = 0x1000};
    CHECK(open_bytes(image, sizeof(image), 0) == NULL);
    CHECK(memory.core && !memory.cut_short);
    CHECK_EQUAL(byte_at(0x1000), 3);
    CHECK_EQUAL(byte_at(0x2000), -1);
    CHECK_EQUAL(byte_at((uint64_t)1 << 32), 4);
    memory_close(&memory);
    memset(image, 0, 0x1000);
    memcpy(small->e_ident, ELFMAG, SELFMAG);
    small->e_ident[EI_CLASS] = ELFCLASS32;
    small->e_ident[EI_DATA] = ELFDATA2LSB;
    *small_segment = (Elf32_Phdr){.p_type = PT_LOAD, .p_offset = 0x2000, .p_paddr = 0x5000, .p_filesz = 0x1000};
    small->e_type = ET_CORE;
    small->e_phoff = sizeof(*small);
    small->e_phentsize = sizeof(Elf32_Phdr);
    small->e_phnum = 1;
    CHECK(open_bytes(image, sizeof(image), 0) == NULL);
    CHECK_EQUAL(byte_at(0x5000), 3);
    memory_close(&memory);
}

/* Overlapping, beyond the end, around the end of all numbers: the first that has the frame, or none. */
TEST(explain, cores_that_lie)
{
    Elf64_Phdr *segments = make_core();
    Elf64_Ehdr *header = (Elf64_Ehdr *)image;

    segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = 0x1000, .p_paddr = 0x1000, .p_filesz = 0x3000};
    segments[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = 0x8000, .p_paddr = 0x2000, .p_filesz = UINT64_MAX};
    CHECK(open_bytes(image, sizeof(image), 0) == NULL);
    CHECK(memory.cut_short);
    CHECK_EQUAL(byte_at(0x2000), 3);
    CHECK_EQUAL(byte_at(0x4000), -1);
    memory_close(&memory);
    segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = UINT64_MAX, .p_paddr = 0x1000, .p_filesz = 0x3000};
    segments[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = 0x1000, .p_paddr = UINT64_MAX - 5, .p_filesz = 0x3000};
    CHECK(open_bytes(image, sizeof(image), 0) != NULL);
    memory_close(&memory);
    header->e_phoff = UINT64_MAX - 7;
    CHECK(open_bytes(image, sizeof(image), 0) != NULL);
    memory_close(&memory);
    header->e_phnum = PN_XNUM;
    CHECK(open_bytes(image, sizeof(image), 0) != NULL);
    memory_close(&memory);
    header->e_type = ET_EXEC;
    CHECK(open_bytes(image, sizeof(image), 0) != NULL);
    memory_close(&memory);
    CHECK(open_bytes("KDUMP   ", 8, 0) != NULL);
    memory_close(&memory);
}
