/* SPDX-License-Identifier: MIT */
/*
 * linux_thread.c - set_thread_area(2): a descriptor of a process's own, through which GS finds thread-local storage.
 *
 * Linux has three such entries, 6 to 8; C libraries ask for any (-1) and use one. Here there is one, entry 6. The
 * process describes the segment; what is written is always a present data or code segment of ring 3.
 */
#include "../arch.h"

#include "../../calls.h"

#define ENTRY     6
#define ENTRY_MAX 8

/* struct user_desc (asm/ldt.h); the flags are bit fields there. */
typedef struct thread_area {
    uint32_t entry;
    uint32_t base;
    uint32_t limit; /* the last valid offset, in bytes or pages */
    uint32_t flags;
} thread_area_t;

enum {
    FLAG_32BIT = 1 << 0,
    FLAG_CONTENTS = 3 << 1, /* data, expand-down, code, conforming code */
    FLAG_READ_ONLY = 1 << 3,
    FLAG_PAGES = 1 << 4,
    FLAG_NOT_PRESENT = 1 << 5,
    FLAG_USEABLE = 1 << 6,
};

#define FLAGS_EMPTY (FLAG_READ_ONLY | FLAG_NOT_PRESENT)

/* SDM volume 3, figure 3-8: the two words of a descriptor. */
enum {
    HIGH_PRESENT = 1 << 15,
    HIGH_RING_3 = 3 << 13,
    HIGH_CODE_OR_DATA = 1 << 12,
    HIGH_EXPAND_DOWN = 1 << 10,
    HIGH_WRITABLE = 1 << 9,
    HIGH_ACCESSED = 1 << 8,
    HIGH_USEABLE = 1 << 20,
    HIGH_32BIT = 1 << 22,
    HIGH_PAGES = 1 << 23,
};

/* How a process asks for the entry to be cleared. */
static bool is_empty(const thread_area_t *area)
{
    return area->base == 0 && area->limit == 0 && (area->flags == FLAGS_EMPTY || area->flags == 0);
}

/* Code segments and 16-bit ones are refused, as Linux refuses most of them. */
static bool is_acceptable(const thread_area_t *area)
{
    return (area->flags & FLAG_32BIT) != 0 && (area->flags & FLAG_CONTENTS) <= (1 << 1) &&
           (area->flags & FLAG_NOT_PRESENT) == 0 && area->limit <= 0xfffff;
}

static void encode(const thread_area_t *area, uint32_t descriptor[2])
{
    uint32_t high = HIGH_PRESENT | HIGH_RING_3 | HIGH_CODE_OR_DATA | HIGH_ACCESSED | HIGH_32BIT;

    high |= (area->flags & FLAG_READ_ONLY) != 0 ? 0 : HIGH_WRITABLE;
    high |= (area->flags & FLAG_CONTENTS) != 0 ? HIGH_EXPAND_DOWN : 0;
    high |= (area->flags & FLAG_PAGES) != 0 ? HIGH_PAGES : 0;
    high |= (area->flags & FLAG_USEABLE) != 0 ? HIGH_USEABLE : 0;
    high |= (area->base & 0xff000000) | (area->base >> 16 & 0xff) | (area->limit & 0xf0000);
    descriptor[0] = area->base << 16 | (area->limit & 0xffff);
    descriptor[1] = high;
}

static void decode(const uint32_t descriptor[2], thread_area_t *area)
{
    uint32_t high = descriptor[1];

    *area = (thread_area_t){.entry = ENTRY, .flags = FLAGS_EMPTY};
    if ((high & HIGH_PRESENT) == 0)
        return;
    area->base = descriptor[0] >> 16 | (high & 0xff) << 16 | (high & 0xff000000);
    area->limit = (descriptor[0] & 0xffff) | (high & 0xf0000);
    area->flags = FLAG_32BIT;
    area->flags |= (high & HIGH_WRITABLE) != 0 ? 0 : FLAG_READ_ONLY;
    area->flags |= (high & HIGH_EXPAND_DOWN) != 0 ? 1 << 1 : 0;
    area->flags |= (high & HIGH_PAGES) != 0 ? FLAG_PAGES : 0;
    area->flags |= (high & HIGH_USEABLE) != 0 ? FLAG_USEABLE : 0;
}

CALL(set_thread_area);
CALL(get_thread_area);

CALL(set_thread_area)
{
    uint32_t descriptor[2] = {0, 0};
    bool taken = process->user.tls_descriptor[1] != 0;
    thread_area_t area;

    if (copy_in(process, &area, argument[0], sizeof(area)) != 0)
        return -EFAULT;
    if (!is_empty(&area) && !is_acceptable(&area))
        return -EINVAL;
    if (area.entry == UINT32_MAX) {
        if (taken)
            return -ESRCH;
        area.entry = ENTRY;
        if (copy_out(process, argument[0], &area.entry, sizeof(area.entry)) != 0)
            return -EFAULT;
    }
    if (area.entry != ENTRY)
        return -EINVAL;
    if (!is_empty(&area))
        encode(&area, descriptor);
    arch_user_state_save(&process->user);
    process->user.tls_base = area.base;
    process->user.tls_descriptor[0] = descriptor[0];
    process->user.tls_descriptor[1] = descriptor[1];
    arch_user_state_load(&process->user);
    return 0;
}

CALL(get_thread_area)
{
    thread_area_t area;
    uint32_t entry;

    if (copy_in(process, &entry, argument[0], sizeof(entry)) != 0)
        return -EFAULT;
    if (entry < ENTRY || entry > ENTRY_MAX)
        return -EINVAL;
    decode(process->user.tls_descriptor, &area);
    if (entry != ENTRY)
        area = (thread_area_t){.flags = FLAGS_EMPTY};
    area.entry = entry;
    return copy_out(process, argument[0], &area, sizeof(area));
}
