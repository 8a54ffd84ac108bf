/* SPDX-License-Identifier: MIT */
/* fixture.h - a kernel's tree and one process's to test with, once for each page-table format of the home. */
#ifndef QUIRE_TEST_PAGING_FIXTURE_H
#define QUIRE_TEST_PAGING_FIXTURE_H

#include "test.h"

#define PAGE         ((quire_va_t)QUIRE_PAGE_BYTES)
#define READ         ((unsigned)QUIRE_PROT_READ)
#define READ_WRITE   ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define USER_READ    ((unsigned)QUIRE_PROT_USER | READ)
#define USER_WRITE   ((unsigned)QUIRE_PROT_USER | READ_WRITE)
#define FOREIGN      ((unsigned)QUIRE_PAGE_FOREIGN)
#define FOREIGN_BASE ((size_t)0x40000) /* frame number of device memory: below 4 GiB, aligned to 1 GiB */

typedef struct fixture {
    const quire_format_t *format;
    quire_pmm_t *pmm;
    quire_table_t kernel;
    quire_table_t table;
    quire_va_t shared_start;
    quire_va_t pinned; /* one root entry of the kernel's half, from its start */
    quire_va_t top;    /* the end of the process's part */
    size_t free_before;
    quire_frame_t block; /* 512 frames of the PMM, aligned, in paging_each_format_with_block() */
} fixture_t;

quire_va_t paging_shared_start(const quire_format_t *format);

/* Runs body once for each format of the home; checks after it that nothing is lost. */
void paging_each_format(void (*body)(fixture_t *fixture));

/* The same with a block that the body gives back, for formats whose large pages are of that size. */
void paging_each_format_with_block(void (*body)(fixture_t *fixture));

size_t paging_free_frames(const fixture_t *fixture);
quire_frame_t paging_frame(fixture_t *fixture);

/* One change or question, through a cursor of its own. */
quire_extent_t paging_query(quire_table_t *table, quire_va_t va);
quire_status_t paging_map(quire_table_t *table, quire_va_t va, quire_frame_t frame, unsigned prot, unsigned flags);
quire_status_t paging_map_large(quire_table_t *table, quire_va_t va, unsigned level, size_t frame, unsigned prot,
                                unsigned flags);
quire_status_t paging_mark(quire_table_t *table, quire_va_t start, quire_va_t end, quire_page_kind_t kind,
                           unsigned prot);
quire_status_t paging_protect(quire_table_t *table, quire_va_t start, quire_va_t end, unsigned prot);
void paging_protect_key(quire_table_t *table, quire_va_t start, quire_va_t end, unsigned prot, unsigned key);

/* A number that changes with any word of any table of the tree but for accessed and dirty bits. */
uint64_t paging_fingerprint(const quire_table_t *table);

#endif
