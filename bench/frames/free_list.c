/* SPDX-License-Identifier: MIT */
/*
 * free_list.c - a list of free frames, one lock: the fastest that a single CPU can have, and nothing but single frames.
 *
 * The link is four bytes a frame, beside the frames rather than in them, since nobody touches their memory here; in a
 * kernel it would be a cache miss in the frame itself.
 */
#include "subject.h"

static uint32_t *links; /* to the next free frame + 1; 0 ends the list */
static uint32_t head;
static spin_t lock;

static size_t record_bytes(size_t frames)
{
    return frames * sizeof(uint32_t);
}

static void start(void *records, size_t frames)
{
    links = records;
    for (size_t at = 0; at < frames; at++)
        links[at] = at + 1 < frames ? (uint32_t)at + 2 : 0;
    head = 1;
}

static size_t free_list_take(unsigned order, unsigned lifetime)
{
    uint32_t at;

    (void)lifetime;
    if (order != 0)
        return NO_FRAME;
    spin_lock(&lock);
    at = head;
    if (at != 0)
        head = links[at - 1];
    spin_unlock(&lock);
    return at == 0 ? NO_FRAME : FIRST_FRAME + at - 1;
}

static void free_list_give(size_t frame, unsigned order)
{
    uint32_t at = (uint32_t)(frame - FIRST_FRAME);

    (void)order;
    spin_lock(&lock);
    links[at] = head;
    head = at + 1;
    spin_unlock(&lock);
}

const subject_t subject_free_list = {"free list, lock", record_bytes, start, free_list_take, free_list_give};
