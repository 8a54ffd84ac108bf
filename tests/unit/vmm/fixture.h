/* SPDX-License-Identifier: MIT */
/* fixture.h - a kernel's space and processes' spaces to test with, once for each page-table format of the home. */
#ifndef QUIRE_TEST_VMM_FIXTURE_H
#define QUIRE_TEST_VMM_FIXTURE_H

#include "test.h"

#define PAGE       ((quire_va_t)QUIRE_PAGE_BYTES)
#define MIB        ((quire_va_t)1 << 20)
#define READ_WRITE ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define USER_READ  ((unsigned)QUIRE_ACCESS_USER | QUIRE_ACCESS_READ)
#define USER_WRITE ((unsigned)QUIRE_ACCESS_USER | QUIRE_ACCESS_WRITE)
#define USER_EXEC  ((unsigned)QUIRE_ACCESS_USER | QUIRE_ACCESS_EXEC)

#define USER_START ((quire_va_t)0x10000)
/* Where tables of every level but the highest meet, in all formats: 1 GiB. */
#define SEAM ((quire_va_t)0x40000000)

typedef struct fixture {
    const quire_format_t *format;
    quire_pmm_t *pmm;
    quire_space_t kernel; /* stays here: every process's table points at it */
    quire_va_t user_end;
} fixture_t;

/* Runs body with a fresh machine for each format. */
void vmm_each_format(void (*body)(fixture_t *fixture));

/* A process's space with all that a process can have. */
void vmm_make(fixture_t *fixture, quire_space_t *space, uint32_t id);

/* Checks everything, destroys, and checks that exactly `free_frames` are free again. */
void vmm_end(fixture_t *fixture, quire_space_t *space, size_t free_frames);

size_t vmm_free_frames(const fixture_t *fixture);

/* All checks of all layers. */
void vmm_check_all(fixture_t *fixture, quire_space_t *space);

/* Reserves at a fixed place and expects success. */
void vmm_reserve_at(quire_space_t *space, quire_va_t at, size_t pages, unsigned prot);

/* What the page table says of one page. */
quire_page_t vmm_query(quire_space_t *space, quire_va_t va);

#endif
