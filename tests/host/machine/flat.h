/* SPDX-License-Identifier: MIT */
/*
 * flat.h - what memory is, without tables: for every page of a few address spaces, what each byte is and what each
 * access should do.
 *
 * The flat model knows nothing of entries, frames or levels. It knows which pages have content (`filled`) because that
 * decides whether the hardware faults, and which of them were shared by a fork and not written since.
 */
#ifndef QUIRE_TEST_MACHINE_FLAT_H
#define QUIRE_TEST_MACHINE_FLAT_H

#include "expect.h"

#define PAGE        ((quire_va_t)QUIRE_PAGE_BYTES)
#define MIB         ((quire_va_t)1 << 20)
#define PAGES_MAX   2560 /* 10 MiB: whole entries of level 2 in all formats, and parts of others */
#define SPACES      10   /* number 0 is the kernel's; of processes there are more than a CPU has tags */
#define PROT_ACCESS ((unsigned)QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)

typedef enum flat_kind { FLAT_NOTHING, FLAT_PROMISE, FLAT_GUARD } flat_kind_t;

typedef struct flat_page {
    uint8_t kind; /* flat_kind_t */
    uint8_t prot; /* without USER */
    uint8_t key;
    bool filled;
    bool shared;    /* by a fork, and not written since: the first write copies */
    bool perhaps;   /* shared: a fork that failed may have marked it so */
    bool dirty;     /* written by a CPU */
    uint8_t *bytes; /* NULL: zeros */
} flat_page_t;

typedef struct flat {
    quire_space_t space;
    const quire_format_t *format;
    bool user;
    quire_va_t start;
    size_t count;
    flat_page_t pages[PAGES_MAX];
} flat_t;

typedef struct run {
    size_t first;
    size_t count;
} run_t;

static inline quire_va_t flat_address(const flat_t *flat, size_t index)
{
    return flat->start + (quire_va_t)index * PAGE;
}

/* The answer to an access: no fault, or a fault with this code, and what the library then says of it. */
typedef struct flat_answer {
    bool faults;
    uint32_t code;
    quire_status_t status;
} flat_answer_t;
flat_answer_t flat_expect(const flat_t *flat, size_t index, model_kind_t kind, bool from_user);

/* The library has made the page right for this access. */
void flat_repair(flat_page_t *page, bool write);

void flat_set(flat_t *flat, run_t run, flat_kind_t kind, uint8_t prot);
void flat_empty_page(flat_page_t *page);
void flat_copy(flat_t *child, flat_t *parent);
/* The pages of `from` are at `to` now; what is added is promised like the last of them. */
void flat_move(flat_t *flat, run_t from, run_t to);

uint8_t flat_byte(const flat_t *flat, size_t offset);
void flat_write(flat_t *flat, size_t offset, const uint8_t *from, size_t bytes);
/* Whether these are the bytes at `offset`. */
bool flat_same(const flat_t *flat, size_t offset, const uint8_t *bytes, size_t count);

size_t flat_count_kind(const flat_t *flat, run_t run, flat_kind_t kind);
bool flat_is_free(const flat_t *flat, run_t run);
bool flat_has_hole(const flat_t *flat, size_t count);

#endif
