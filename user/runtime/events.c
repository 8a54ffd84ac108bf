/* SPDX-License-Identifier: MIT */
/*
 * events.c - the program's own events.
 *
 * The heap in this program is the library's, and records what it does like every layer. The records carry the CPU's
 * time-stamp counter, which a program may read; the kernel's events carry the same. So the kernel, given these records,
 * can tell one story from malloc down to the frame. On a kernel without /dev/events nothing happens.
 */
#include <quire/event.h>

#include "linux.h"
#include "runtime.h"

#define EVENTS 256

static quire_event_t ring[EVENTS];
static quire_event_t records[EVENTS];

void events_start(void)
{
    if (quire_event_start(ring, EVENTS) != QUIRE_OK)
        print_error("events: not recorded in this build\n");
}

void events_mark(unsigned number)
{
    quire_event(.kind = QUIRE_EVENT_MARK, .detail = number);
}

void events_flush(void)
{
    uint64_t cursor = 0;
    size_t count = 0;
    intptr_t file;

    quire_event_stop();
    file = linux_openat(AT_FDCWD, (uintptr_t) "/dev/events", O_WRONLY);
    if (linux_failed(file))
        return;
    while (count < EVENTS && quire_event_read(&cursor, &records[count]))
        count++;
    linux_write((int)file, (uintptr_t)records, count * sizeof(records[0]));
    linux_close((int)file);
}
