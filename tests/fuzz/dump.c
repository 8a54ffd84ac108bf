/* SPDX-License-Identifier: MIT */
/*
 * dump.c - any bytes as the registers and as the memory of a dead machine: both are read to their end, and whatever can
 * be explained is.
 */
#define _GNU_SOURCE /* memfd_create */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "explain/exception.h"
#include "explain/memory.h"
#include "explain/registers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static memory_t memory;

/* A quarter of the inputs begin as a text with registers, for chance alone would hardly write one. */
static bool read_set(const uint8_t *data, size_t size, register_set_t *set)
{
    static const char paged[] = "v=08 e=0\nRAX=0\nCR0=80010033 CR3=0 CR4=20\nEFER=500\nCR2=";
    static const char unpaged[] = "v=0d e=0\nEAX=8\nGDT=0 ffff\nIDT=0 ff\nCR0=11 CR3=1000 CR4=20\nEFER=0\n";
    const char *begin = size % 8 == 0 ? paged : unpaged;
    register_parser_t parser;

    registers_begin(&parser, size % 3);
    if (size % 4 == 0)
        for (const char *line = begin; line[0] != '\0'; line += strcspn(line, "\n") + (strchr(line, '\n') != NULL))
            registers_line(&parser, line, strcspn(line, "\n"));
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t length = end == NULL ? size : (size_t)(end - data);

        registers_line(&parser, (const char *)data, length);
        data += length + (end != NULL);
        size -= length + (end != NULL);
    }
    return registers_end(&parser, set);
}

/* The file begins as a core half the time. */
static bool open_memory(const uint8_t *data, size_t size)
{
    unsigned char header[EI_NIDENT] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB};
    char path[64];
    int file = memfd_create("memory", 0);

    if (file < 0 || ftruncate(file, 1 << 16) != 0 || pwrite(file, data, size, 64) != (ssize_t)size)
        abort();
    if (size % 2 == 0 && pwrite(file, header, sizeof(header), 0) != (ssize_t)sizeof(header))
        abort();
    if (size % 2 == 0 && pwrite(file, "\4\0", 2, 16) != 2)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    const char *why = memory_open(&memory, path, size % 5 == 0 ? 0x2000 : 0);
    close(file);
    return why == NULL;
}

/* An exception that is no page fault, whatever the text said it was. */
static void explain_exception(const register_set_t *set, size_t size)
{
    static FILE *nowhere;
    const quire_explain_t explain = {.format = registers_format(set),
                                     .cr3 = set->cr3,
                                     .cr4 = set->cr4,
                                     .known = registers_known_modes(set),
                                     .read = memory_read,
                                     .context = &memory};
    event_t event = set->event;

    if (nowhere == NULL && (nowhere = fopen("/dev/null", "w")) == NULL)
        abort();
    event.vector = event.known ? event.vector : 8 + (unsigned)(size % 7);
    exception_print(nowhere, &explain, set, &event);
}

static void explain_page_fault(const register_set_t *told, size_t size)
{
    static char text[1024];
    const register_set_t set = *told;
    const quire_explain_t explain = {.format = registers_format(told),
                                     .cr3 = set.cr3,
                                     .cr4 = set.cr4,
                                     .efer = set.efer,
                                     .known = registers_known_modes(&set),
                                     .answered = set.event.answered,
                                     .answer = (quire_status_t)set.event.answer,
                                     .promises = size & 1,
                                     .read = memory_read,
                                     .context = &memory};
    const quire_preflight_t flight = {.format = registers_format(told),
                                      .cr3 = set.cr3,
                                      .cr0 = set.cr0,
                                      .cr4 = set.cr4,
                                      .efer = set.efer,
                                      .known = registers_known_modes(&set),
                                      .stack_start = (quire_va_t)set.stack & ~(quire_va_t)0xfff,
                                      .instruction = (quire_va_t)set.instruction,
                                      .stack = (quire_va_t)set.stack,
                                      .idt = (quire_va_t)set.idt.base,
                                      .idt_limit = set.idt.limit & 0xFFFF,
                                      .read = memory_read,
                                      .context = &memory};

    quire_explain(&explain, (quire_va_t)set.cr2, (uint32_t)set.event.code, text, sizeof(text));
    if (quire_preflight_check(&flight, text, sizeof(text)) == QUIRE_OK && strlen(text) >= sizeof(text))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    register_set_t set = {.cr0 = 0x80000000, .cr3 = size > 8 ? data[8] << 12 & 0xF000 : 0, .cr4 = size & 0x1020};

    bool read = read_set(data, size, &set);
    bool opened = open_memory(data, size < 0x4000 ? size : 0x4000);
    if (opened && read)
        explain_exception(&set, size);
    if (opened && registers_format(&set) != NULL)
        explain_page_fault(&set, size);
    memory_close(&memory);
    return 0;
}
