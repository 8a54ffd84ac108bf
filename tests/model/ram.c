/* SPDX-License-Identifier: MIT */
/*
 * ram.c - physical memory that costs nothing until it is touched.
 *
 * Problem: a machine of 64 GiB with holes, on a host with less, that several threads touch at once.
 * Idea: a radix tree of three levels over the frame number (10 bits each below a root sized to the highest range). A
 * node or a frame is allocated at first use and installed by a compare-and-swap; the loser of a race frees its copy.
 * Frames are separate host allocations, so that a sanitiser sees code that runs past a frame.
 * Invariant: what is installed never moves and never goes away before ram_destroy.
 * Rejected: one sparse host mapping. It is simpler, but a 32-bit host cannot hold it, and overruns go unseen.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { NODE_BITS = 10, NODE_SLOTS = 1 << NODE_BITS };

typedef struct node {
    void *slot[NODE_SLOTS];
} node_t;

struct ram {
    model_range_t *ranges;
    size_t count;
    void **root; /* of node_t */
    uint64_t root_slots;
    entry_t touched;
};

static bool ranges_are_sound(const model_range_t *ranges, size_t count)
{
    uint64_t end = 0;

    for (size_t i = 0; i < count; i++) {
        if (ranges[i].bytes == 0 || (ranges[i].base | ranges[i].bytes) % PAGE_BYTES != 0 || ranges[i].base < end)
            return false;
        end = ranges[i].base + ranges[i].bytes;
        if (end <= ranges[i].base || end > UINT64_C(1) << 52)
            return false;
    }
    return count != 0;
}

ram_t *machine_ram_create(const model_range_t *ranges, size_t count)
{
    if (!ranges_are_sound(ranges, count))
        return NULL;

    ram_t *ram = calloc(1, sizeof *ram);
    if (!ram)
        return NULL;

    uint64_t frames = (ranges[count - 1].base + ranges[count - 1].bytes) >> PAGE_SHIFT;
    ram->count = count;
    ram->root_slots = ((frames - 1) >> (2 * NODE_BITS)) + 1;
    ram->ranges = malloc(count * sizeof *ranges);
    ram->root = calloc((size_t)ram->root_slots, sizeof *ram->root);
    if (!ram->ranges || !ram->root) {
        machine_ram_destroy(ram);
        return NULL;
    }
    memcpy(ram->ranges, ranges, count * sizeof *ranges);
    return ram;
}

void machine_ram_destroy(ram_t *ram)
{
    if (!ram)
        return;
    for (uint64_t i = 0; ram->root && i < ram->root_slots; i++) {
        node_t *middle = ram->root[i];
        for (unsigned j = 0; middle && j < NODE_SLOTS; j++) {
            node_t *leaf = middle->slot[j];
            for (unsigned k = 0; leaf && k < NODE_SLOTS; k++)
                free(leaf->slot[k]);
            free(leaf);
        }
        free(middle);
    }
    free(ram->root);
    free(ram->ranges);
    free(ram);
}

bool machine_ram_holds(const ram_t *ram, uint64_t pa, uint64_t bytes)
{
    for (size_t i = 0; i < ram->count; i++) {
        uint64_t offset = pa - ram->ranges[i].base;
        if (pa >= ram->ranges[i].base && offset < ram->ranges[i].bytes && bytes <= ram->ranges[i].bytes - offset)
            return true;
    }
    return false;
}

/* What *slot points to, allocated at need. NULL only when the host is out of memory. */
static void *get_or_make(void **slot, size_t alignment, size_t bytes, bool *made)
{
    void *present = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    if (present)
        return present;

    void *fresh = aligned_alloc(alignment, bytes);
    if (!fresh)
        return NULL;
    memset(fresh, 0, bytes);
    if (__atomic_compare_exchange_n(slot, &present, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        *made = true;
        return fresh;
    }
    free(fresh);
    return present;
}

void *machine_ram_frame(ram_t *ram, uint64_t frame)
{
    if (frame >> 40 != 0 || !machine_ram_holds(ram, frame << PAGE_SHIFT, PAGE_BYTES))
        return NULL;

    bool made = false;
    void **slot = &ram->root[frame >> (2 * NODE_BITS)];
    node_t *middle = get_or_make(slot, 64, sizeof(node_t), &made);
    node_t *leaf = NULL;
    void *bytes = NULL;

    if (middle)
        leaf = get_or_make(&middle->slot[frame >> NODE_BITS & (NODE_SLOTS - 1)], 64, sizeof(node_t), &made);
    made = false;
    if (leaf)
        bytes = get_or_make(&leaf->slot[frame & (NODE_SLOTS - 1)], (size_t)PAGE_BYTES, (size_t)PAGE_BYTES, &made);
    if (!bytes)
        abort(); /* the host itself has no memory left: no result would mean anything */
    if (made)
        __atomic_fetch_add(&ram->touched, 1, __ATOMIC_RELAXED);
    return bytes;
}

uint64_t machine_ram_touched(const ram_t *ram)
{
    return __atomic_load_n(&ram->touched, __ATOMIC_RELAXED);
}
