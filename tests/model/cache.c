/* SPDX-License-Identifier: MIT */
/*
 * cache.c - the store behind a CPU's TLB and paging-structure caches.
 *
 * Problem: nothing is ever evicted, so there may be very many entries, and they are searched by address at every access
 * and by frame at every free.
 * Idea: one pool, two hash tables. An entry of 2^shift bytes is found under its address divided by 2^shift, and under
 * its frame likewise (a page is as aligned in physical memory as in virtual; a table counts as 4 KiB). A search tries
 * each size of which entries exist.
 * Invariant: at most one entry for the same kind, size, address, PCID and global bit: inserting replaces.
 */
#include "internal.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 256 };

static size_t bucket_of(const cache_t *cache, bool table, unsigned shift, uint64_t number)
{
    uint64_t mixed = (number * 4 + table) * UINT64_C(0x9E3779B97F4A7C15) + shift * UINT64_C(0xC2B2AE3D27D4EB4F);

    return (size_t)(mixed >> 32 ^ mixed >> 7) & (cache->buckets - 1);
}

static unsigned physical_shift(const cached_t *entry)
{
    return entry->table ? PAGE_SHIFT : entry->shift;
}

static cached_t **va_bucket(const cache_t *cache, const cached_t *entry)
{
    return &cache->by_va[bucket_of(cache, entry->table, entry->shift, entry->va >> entry->shift)];
}

static cached_t **pa_bucket(const cache_t *cache, const cached_t *entry)
{
    unsigned shift = physical_shift(entry);

    return &cache->by_pa[bucket_of(cache, entry->table, shift, entry->pa >> shift)];
}

static void link_buckets(cache_t *cache, cached_t *entry)
{
    cached_t **va = va_bucket(cache, entry), **pa = pa_bucket(cache, entry);

    entry->next_by_va = *va;
    *va = entry;
    entry->next_by_pa = *pa;
    *pa = entry;
}

bool machine_cache_create(cache_t *cache)
{
    *cache = (cache_t){.buckets = FIRST_BUCKETS};
    cache->by_va = calloc(FIRST_BUCKETS, sizeof(cached_t *));
    cache->by_pa = calloc(FIRST_BUCKETS, sizeof(cached_t *));
    return cache->by_va && cache->by_pa;
}

static void free_list(cached_t *entry)
{
    while (entry) {
        cached_t *next = entry->next;
        free(entry);
        entry = next;
    }
}

void machine_cache_destroy(cache_t *cache)
{
    free_list(cache->pages);
    free_list(cache->tables);
    free(cache->by_va);
    free(cache->by_pa);
}

static void grow(cache_t *cache)
{
    size_t buckets = cache->buckets * 4;
    cached_t **by_va = calloc(buckets, sizeof(cached_t *));
    cached_t **by_pa = calloc(buckets, sizeof(cached_t *));

    if (!by_va || !by_pa)
        abort();
    free(cache->by_va);
    free(cache->by_pa);
    cache->by_va = by_va;
    cache->by_pa = by_pa;
    cache->buckets = buckets;
    for (cached_t *entry = cache->pages; entry; entry = entry->next)
        link_buckets(cache, entry);
    for (cached_t *entry = cache->tables; entry; entry = entry->next)
        link_buckets(cache, entry);
}

static cached_t *find_same(const cache_t *cache, const cached_t *like)
{
    for (cached_t *entry = *va_bucket(cache, like); entry; entry = entry->next_by_va) {
        if (entry->table == like->table && entry->shift == like->shift && entry->va == like->va &&
            entry->pcid == like->pcid && entry->global == like->global)
            return entry;
    }
    return NULL;
}

void machine_cache_insert(cache_t *cache, const cached_t *like)
{
    cached_t *same = find_same(cache, like);
    if (same)
        machine_cache_remove(cache, same);
    if (cache->page_count + cache->table_count >= cache->buckets)
        grow(cache);

    cached_t *entry = malloc(sizeof *entry);
    if (!entry)
        abort();
    *entry = *like;

    cached_t **head = entry->table ? &cache->tables : &cache->pages;
    entry->previous = NULL;
    entry->next = *head;
    if (*head)
        (*head)->previous = entry;
    *head = entry;
    link_buckets(cache, entry);
    *(entry->table ? &cache->table_count : &cache->page_count) += 1;
    cache->shift_count[entry->table][entry->shift]++;
}

void machine_cache_remove(cache_t *cache, cached_t *entry)
{
    cached_t **link = va_bucket(cache, entry);
    while (*link != entry)
        link = &(*link)->next_by_va;
    *link = entry->next_by_va;

    link = pa_bucket(cache, entry);
    while (*link != entry)
        link = &(*link)->next_by_pa;
    *link = entry->next_by_pa;

    if (entry->previous)
        entry->previous->next = entry->next;
    else
        *(entry->table ? &cache->tables : &cache->pages) = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    *(entry->table ? &cache->table_count : &cache->page_count) -= 1;
    cache->shift_count[entry->table][entry->shift]--;
    cache->dead_count -= entry->dead != 0;
    free(entry);
}

void machine_cache_mark_dead(cache_t *cache, cached_t *entry, uint64_t frame)
{
    cache->dead_count += entry->dead == 0;
    entry->dead = frame;
}

cached_t *machine_cache_find_page(const cache_t *cache, uint64_t va, uint16_t pcid)
{
    static const uint8_t shifts[] = {12, 21, 22, 30};
    cached_t *oldest = NULL;

    for (unsigned i = 0; i < sizeof shifts; i++) {
        unsigned shift = shifts[i];
        if (cache->shift_count[0][shift] == 0)
            continue;
        cached_t *entry = cache->by_va[bucket_of(cache, false, shift, va >> shift)];
        for (; entry; entry = entry->next_by_va) {
            if (!entry->table && entry->shift == shift && entry->va >> shift == va >> shift &&
                (entry->global || entry->pcid == pcid) && (!oldest || entry->access < oldest->access))
                oldest = entry;
        }
    }
    return oldest;
}

void machine_cache_remove_page(cache_t *cache, uint64_t va, unsigned shift, uint16_t pcid, bool globals)
{
    if (cache->shift_count[0][shift] == 0)
        return;

    cached_t *entry = cache->by_va[bucket_of(cache, false, shift, va >> shift)];
    for (cached_t *next; entry; entry = next) {
        next = entry->next_by_va;
        if (!entry->table && entry->shift == shift && entry->va >> shift == va >> shift &&
            (entry->global ? globals : entry->pcid == pcid))
            machine_cache_remove(cache, entry);
    }
}

cached_t *machine_cache_find_table(const cache_t *cache, uint64_t va, unsigned shift, uint16_t pcid)
{
    if (cache->shift_count[1][shift] == 0)
        return NULL;

    cached_t *entry = cache->by_va[bucket_of(cache, true, shift, va >> shift)];
    while (entry &&
           !(entry->table && entry->shift == shift && entry->va >> shift == va >> shift && entry->pcid == pcid))
        entry = entry->next_by_va;
    return entry;
}

cached_t *machine_cache_find_frame(const cache_t *cache, bool table, unsigned shift, uint64_t frame,
                                   const cached_t *last)
{
    uint64_t number = frame >> (shift - PAGE_SHIFT);
    cached_t *entry = last ? last->next_by_pa : cache->by_pa[bucket_of(cache, table, shift, number)];

    while (entry && !(entry->table == table && physical_shift(entry) == shift && entry->pa >> shift == number))
        entry = entry->next_by_pa;
    return entry;
}
