/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of the model share. Tests include model.h only.
 *
 * Locks: each CPU has one, held by every call for that CPU; a call never holds two. RAM needs none: frames appear by a
 * compare-and-swap and stay.
 */
#ifndef MODEL_INTERNAL_H
#define MODEL_INTERNAL_H

#include "model.h"

#include <pthread.h>

/* On i386 a uint64_t is aligned to 4 bytes only; an entry in a table always to 8, and atomics want to know. */
typedef uint64_t entry_t __attribute__((aligned(8)));

#define PAGE_SHIFT 12
#define PAGE_BYTES UINT64_C(4096)

/* --- RAM (ram.c) --- */

typedef struct ram ram_t;
ram_t *machine_ram_create(const model_range_t *ranges, size_t count);
void machine_ram_destroy(ram_t *ram);
void *machine_ram_frame(ram_t *ram, uint64_t frame);
bool machine_ram_holds(const ram_t *ram, uint64_t pa, uint64_t bytes);
uint64_t machine_ram_touched(const ram_t *ram);

/* --- the caches of one CPU (cache.c) --- */

enum { CACHE_SHIFTS = 64 };

/* A TLB entry maps a page; an entry of a paging-structure cache stands for a table (SDM 4.10.2.2, 4.10.3.1). Rights are
 * those of all levels down to here: ANDed for writable and user, ORed for no_execute. */
typedef struct cached {
    struct cached *next, *previous; /* all of its kind */
    struct cached *next_by_va;
    struct cached *next_by_pa;
    uint64_t va; /* lowest address covered */
    uint64_t pa; /* of the page, or of the table */
    uint64_t access;
    uint64_t entry_pa;
    uint16_t pcid;
    uint8_t level;      /* where the entry stands */
    uint8_t shift;      /* log2 of the bytes covered by this cached entry */
    uint8_t page_shift; /* log2 of the page it was cut from; 0 for a table */
    uint8_t key;
    uint8_t type; /* memory type */
    bool table;
    bool writable, user, no_execute, global, dirty;
    uint64_t dead; /* the frame that was freed while this entry, of a PCID not loaded, led to it; 0: none */
} cached_t;

typedef struct cache {
    cached_t *tables;
    cached_t *pages;
    cached_t **by_va;
    cached_t **by_pa;
    size_t buckets; /* a power of two */
    size_t table_count;
    size_t page_count;
    size_t dead_count;
    size_t shift_count[2][CACHE_SHIFTS]; /* [table][shift]: lets a search pass over sizes that are not there */
} cache_t;

bool machine_cache_create(cache_t *cache);
void machine_cache_destroy(cache_t *cache);
void machine_cache_insert(cache_t *cache, const cached_t *entry);
void machine_cache_remove(cache_t *cache, cached_t *entry);
/* The oldest page that the address and PCID (or any PCID, if global) select, or NULL. */
cached_t *machine_cache_find_page(const cache_t *cache, uint64_t va, uint16_t pcid);
/* Removes the pages of one size that cover the address: those of the PCID, and the global ones if `globals`. */
void machine_cache_remove_page(cache_t *cache, uint64_t va, unsigned shift, uint16_t pcid, bool globals);
cached_t *machine_cache_find_table(const cache_t *cache, uint64_t va, unsigned shift, uint16_t pcid);
/* The next entry after `last` (NULL: the first) that leads to a frame. */
cached_t *machine_cache_find_frame(const cache_t *cache, bool table, unsigned shift, uint64_t frame,
                                   const cached_t *last);
void machine_cache_mark_dead(cache_t *cache, cached_t *entry, uint64_t frame);

/* --- the CPU and the machine (machine.c, cpu.c, control.c) --- */

typedef struct cpu {
    model_t *machine;
    unsigned index;
    pthread_mutex_t lock;
    model_registers_t registers;
    model_descriptor_t segments[MODEL_SEGMENTS];
    model_descriptor_t ldtr;
    uint64_t gdt_base;
    uint16_t gdt_limit;
    cache_t cache;
    uint64_t random;
    uint64_t access; /* the number of the access under way; counts from 1 */
    model_statistics_t statistics;
    char last_invalidation[96];
} cpu_t;

struct model {
    model_config_t config;
    ram_t *ram;
    unsigned cpu_count;
    cpu_t *cpus;
};

cpu_t *machine_cpu_lock(model_t *machine, unsigned cpu);
void machine_cpu_unlock(cpu_t *cpu);
bool machine_has(const cpu_t *cpu, unsigned feature);
uint64_t machine_physical_mask(const cpu_t *cpu); /* all bits below MAXPHYADDR */
model_paging_t machine_paging_of(const cpu_t *cpu);
bool machine_long_mode_active(const cpu_t *cpu);
bool machine_is_64_bit(const cpu_t *cpu);                 /* 64-bit mode, as opposed to compatibility mode */
bool machine_is_canonical(const cpu_t *cpu, uint64_t va); /* SDM volume 1, 3.3.7.1 */
uint16_t machine_current_pcid(const cpu_t *cpu);          /* SDM 4.10.1 */
model_fault_t machine_no_fault(void);
model_fault_t machine_fault_of(uint8_t vector, uint32_t error_code, const char *why);
model_fault_t machine_load_pdptes(cpu_t *cpu, uint64_t cr3);

__attribute__((format(printf, 3, 4))) void machine_report(model_t *machine, model_violation_t violation,
                                                          const char *format, ...);

/* freed.c: CR3 is loaded, and keeps what its PCID holds. */
void machine_report_dead(cpu_t *cpu);

/* --- invalidation (invalidate.c); the caller holds the lock --- */

void machine_flush_everything(cpu_t *cpu, const char *by);
void machine_flush_pcid(cpu_t *cpu, uint16_t pcid, const char *by);  /* keeps global pages */
void machine_flush_current_with_globals(cpu_t *cpu, const char *by); /* SDM 4.10.4.1, MOV to CR4 */
void machine_flush_after_page_fault(cpu_t *cpu, uint64_t va);

/* --- paging (format.c, walk.c, rights.c, memory_type.c, access.c) --- */

typedef struct format {
    unsigned levels;
    unsigned entry_bytes;
    uint8_t shift[6]; /* [level]: the address bits below that level's index */
    uint8_t bits[6];  /* [level]: the width of the index */
} format_t;

const format_t *machine_format_of(model_paging_t paging);
/* Bits that must be 0 in a present entry of this level (SDM 4.3, 4.4.2, 4.5). */
uint64_t machine_reserved_bits(const cpu_t *cpu, model_paging_t paging, unsigned level, uint64_t entry);
bool machine_maps_page(const cpu_t *cpu, model_paging_t paging, unsigned level, uint64_t entry);
uint64_t machine_page_address(const cpu_t *cpu, model_paging_t paging, unsigned level, uint64_t entry);
uint64_t machine_table_address(const cpu_t *cpu, model_paging_t paging, uint64_t entry);

typedef enum walk_end {
    WALK_FOUND,
    WALK_NOT_PRESENT,
    WALK_RESERVED,
    WALK_AGAIN, /* an entry changed while its accessed bit was being set */
} walk_end_t;

/* Goes down to the entry that maps va and describes it in *page (pa is that of the page). Unless `pure`: starts at the
 * deepest cached table, caches tables, and sets accessed bits above the page's own entry. */
walk_end_t machine_walk(cpu_t *cpu, uint64_t va, bool pure, cached_t *page, uint64_t *entry_value);
/* Sets flags in an entry, as one locked operation; false if the entry is no longer `value`. */
bool machine_entry_set(cpu_t *cpu, uint64_t pa, uint64_t value, uint64_t flags);

/* visit.c: called for each present entry; `va` is the lowest address it stands for. */
typedef void (*visit_t)(void *context, unsigned level, uint64_t va, uint64_t entry, bool page);
void machine_visit_tables(cpu_t *cpu, visit_t visit, void *context);

/* Ends a walk that found a page: sets flags in its entry and caches it. WALK_AGAIN if the entry has changed. */
walk_end_t machine_fill(cpu_t *cpu, uint64_t va, uint64_t marks, cached_t *page, uint64_t entry);

typedef struct request {
    model_kind_t kind;
    bool user;
    bool implicit;
} request_t;

request_t machine_request_of(const cpu_t *cpu, model_kind_t kind, model_mode_t mode);
/* 0, or the error code with which the page refuses (SDM 4.6.1, 4.7). */
uint32_t machine_refused(const cpu_t *cpu, const cached_t *page, request_t request, const char **why);
uint32_t machine_fault_code(const cpu_t *cpu, request_t request, uint32_t more);

model_memory_type_t machine_page_type(const cpu_t *cpu, unsigned level, uint64_t entry, uint64_t pa);
model_memory_type_t machine_unpaged_type(const cpu_t *cpu, uint64_t pa);

/* One access within one page; va is linear and checked. */
model_fault_t machine_translate(cpu_t *cpu, uint64_t va, request_t request, model_piece_t *piece);
model_result_t machine_access_linear(cpu_t *cpu, uint64_t va, uint32_t bytes, request_t request,
                                     uint8_t canonical_vector);
/* Copies through a linear address; done may be NULL. */
model_fault_t machine_copy_linear(cpu_t *cpu, uint64_t va, void *data, size_t bytes, request_t request, size_t *done);

/* --- segmentation (descriptor.c, segment.c, segment_load.c) --- */

model_descriptor_t machine_descriptor_decode(uint64_t raw, uint16_t selector);
model_descriptor_t machine_descriptor_flat(model_segment_t segment, bool long_mode);

#endif
