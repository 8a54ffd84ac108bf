/* SPDX-License-Identifier: MIT */
/*
 * host_model_words.c - what the event ring says about a violation: the change after which a flush was due, and the
 * operation that this was part of.
 */
#include <stdio.h>

#include "host_model_inside.h"

typedef unsigned long long wide_t;

static bool is_operation(const quire_event_t *event)
{
    return event->kind >= QUIRE_EVENT_SPACE_CREATE && event->kind <= QUIRE_EVENT_FAULT;
}

static bool covers(const quire_format_t *format, const quire_event_t *event, uint64_t va)
{
    return event->kind == QUIRE_EVENT_ENTRY && va - event->address < quire_format_span(format, event->level);
}

void host_model_print_culprit(const quire_format_t *format, uint64_t va)
{
    quire_event_t event;
    quire_event_t operation = {.kind = QUIRE_EVENT_NONE};
    quire_event_t culprit = {.kind = QUIRE_EVENT_NONE};
    quire_event_t during = operation;
    uint64_t cursor = 0;
    char line[256];

    while (quire_event_read(&cursor, &event)) {
        if (is_operation(&event))
            operation = event;
        if (covers(format, &event, va)) {
            culprit = event;
            during = operation;
        }
    }
    if (culprit.kind == QUIRE_EVENT_NONE)
        return;
    snprintf(line, sizeof(line), "# due after: space %u, level %u entry of 0x%llx changed from 0x%llx to 0x%llx",
             culprit.space, culprit.level, (wide_t)culprit.address, (wide_t)culprit.before, (wide_t)culprit.after);
    test_home_write(line);
    snprintf(line, sizeof(line), during.kind == QUIRE_EVENT_NONE ? "\n" : ", in %s at 0x%llx\n",
             quire_event_name(during.kind), (wide_t)during.address);
    test_home_write(line);
}
