/* SPDX-License-Identifier: MIT */
/* isolation.c - what ring 3 runs on when the kernel is isolated: every page of the kernel in it is a page of the gate.
 */
#include "arch/arch.h"
#include "gate.h"
#include "memory.h"
#include "test.h"

static size_t pages_found;

static bool lies_between(const char *start, const char *end, uint64_t va)
{
    return va >= (uintptr_t)start && va < (uintptr_t)end;
}

static void check_page(uint64_t va, const quire_page_t *page)
{
    bool text = lies_between(gate_text_start, gate_text_end, va);

    CHECK(text || lies_between(gate_data_start, gate_data_end, va));
    CHECK_EQUAL(page->payload, (va - ARCH_IMAGE_OFFSET) >> QUIRE_PAGE_SHIFT);
    CHECK_EQUAL(page->prot, text ? QUIRE_PROT_READ | QUIRE_PROT_EXEC : QUIRE_PROT_READ | QUIRE_PROT_WRITE);
    CHECK_EQUAL(page->flags & QUIRE_PAGE_GLOBAL, 0);
    pages_found++;
}

/* Entries [first, 512) of a table in this frame; va is what its first entry covers. */
static void walk(quire_frame_t frame, unsigned level, unsigned first, uint64_t va)
{
    for (unsigned i = first; i < 512; i++) {
        const uint64_t *window = quire_port_window_open(frame);
        quire_page_t page = quire_format_decode(&ARCH_FORMAT, level, window[i]);
        uint64_t at = va + i * quire_format_span(&ARCH_FORMAT, level);

        quire_port_window_close((void *)(uintptr_t)window);
        if (page.kind == QUIRE_PAGE_TABLE) {
            walk(quire_frame((size_t)page.payload), level - 1, 0, at);
        } else if (page.kind != QUIRE_PAGE_EMPTY) {
            CHECK_EQUAL(page.kind, QUIRE_PAGE_MAPPED);
            CHECK_EQUAL(level, 1);
            check_page(at, &page);
        }
    }
}

TEST(isolation, ring_3_has_the_gate_and_no_more)
{
    size_t pages = (size_t)(gate_text_end - gate_text_start + gate_data_end - gate_data_start) / QUIRE_PAGE_BYTES;
    quire_va_t guard;
    quire_space_t space;
    quire_table_crossing_t crossing;

    if (!arch_is_isolated())
        test_skip("the kernel is not isolated");
    CHECK_OK(quire_vmm_create(&space, &kernel_space, 1000, ARCH_USER_START, ARCH_USER_END));
    quire_vmm_activate(&space);
    crossing = quire_table_cross(&space.table);
    CHECK(crossing.user != crossing.kernel);
    pages_found = 0;
    /* Addresses of the upper half are sign-extended: the walk counts from 256 entries below 0. */
    walk(quire_frame_of_pa(quire_pa(crossing.user & 0x000ffffffffff000)), 4, 256, 0xffff000000000000);
    for (unsigned i = 0; arch_stack_guard(i, &guard) != NULL; i++)
        pages -= lies_between(gate_data_start, gate_data_end, guard);
    CHECK_EQUAL(pages_found, pages);
    CHECK_OK(quire_vmm_check(&space));
    quire_vmm_activate(&kernel_space);
    quire_vmm_destroy(&space);
}
