/* SPDX-License-Identifier: MIT */
/* task.c - the check before a tree is loaded looks at the task state, and at the ring-0 stack it names. */
#include <quire/explain.h>

#include "fixture.h"

static char text[512];

static void put_stack(quire_frame_t frame, uint64_t stack)
{
    uint8_t *window = quire_port_window_open(frame);

    for (unsigned i = 0; i < 8; i++)
        window[4 + i] = (uint8_t)(stack >> (8 * i));
    quire_port_window_close(window);
}

static void task_state(fixture_t *fixture)
{
    const quire_va_t task = fixture->pinned + PAGE;
    const quire_va_t stack = fixture->pinned + 3 * PAGE;
    unsigned levels = quire_format_levels(fixture->format);
    quire_frame_t frame = paging_frame(fixture);
    quire_preflight_t flight = {
        .format = fixture->format, .known = QUIRE_KNOWN_CR4 | QUIRE_KNOWN_EFER, .tss = task, .tss_limit = 0x67};

    flight.cr3 = quire_table_root(&fixture->table).value;
    flight.cr4 = levels == 2 ? 0x10 : levels == 5 ? 0x1020 : 0x20;
    flight.efer = levels > 3 ? 0x900 : levels == 3 ? 0x800 : 0;
    CHECK_EQUAL(quire_preflight_check(&flight, text, sizeof(text)), QUIRE_CORRUPT); /* nothing is mapped there */
    CHECK_OK(paging_map(&fixture->kernel, task, frame, READ_WRITE, 0));
    put_stack(frame, 0); /* none is named */
    CHECK_OK(quire_preflight_check(&flight, text, sizeof(text)));
    put_stack(frame, (uint64_t)stack + PAGE);
    CHECK_EQUAL(quire_preflight_check(&flight, text, sizeof(text)), QUIRE_CORRUPT);
    CHECK(text[0] != '\0');
    CHECK_OK(paging_map(&fixture->kernel, stack, paging_frame(fixture), READ_WRITE, 0));
    CHECK_OK(quire_preflight_check(&flight, text, sizeof(text)));
    if (levels > 3) {
        put_stack(frame, (uint64_t)1 << 60); /* not canonical */
        CHECK_EQUAL(quire_preflight_check(&flight, text, sizeof(text)), QUIRE_CORRUPT);
    }
}

TEST(paging, task_state_is_looked_at)
{
    paging_each_format(task_state);
}
