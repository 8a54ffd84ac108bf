/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#define KERNEL_AREA_BYTES (8 * MIB)

static quire_va_t shared_start_of(const quire_format_t *format)
{
    switch (quire_format_levels(format)) {
    case 5:
        return (quire_va_t)0xff00000000000000u;
    case 4:
        return (quire_va_t)0xffff800000000000u;
    default:
        return (quire_va_t)0xc0000000u;
    }
}

/* With four and five levels the lower half ends long before the upper one begins. */
static quire_va_t user_end_of(const quire_format_t *format)
{
    unsigned levels = quire_format_levels(format);

    if (levels < 4)
        return shared_start_of(format);
    return (quire_va_t)(quire_format_span(format, levels) * 256);
}

/* A PAE root must lie below 4 GiB (SDM volume 3, 4.4.1), where a home may have no RAM to offer. */
static bool has_room_for_root(const fixture_t *fixture)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(fixture->pmm, &stats);
    return quire_format_levels(fixture->format) != 3 || stats.zone_total_frames[QUIRE_ZONE_BELOW_4G] > 0;
}

void vmm_each_format(void (*body)(fixture_t *fixture))
{
    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++) {
        static fixture_t fixture;
        quire_va_t shared_start = shared_start_of(*format);
        quire_va_t area = shared_start + 16 * MIB;

        fixture = (fixture_t){.format = *format, .pmm = test_pmm(900), .user_end = user_end_of(*format)};
        if (!has_room_for_root(&fixture))
            continue;
        CHECK_OK(quire_table_create_kernel(&fixture.kernel.table, *format, fixture.pmm, QUIRE_ZONE_ANY, shared_start));
        CHECK_OK(quire_table_pin(&fixture.kernel.table, area, area + KERNEL_AREA_BYTES));
        quire_table_seal(&fixture.kernel.table);
        CHECK_OK(quire_vmm_create_kernel(&fixture.kernel, area, area + KERNEL_AREA_BYTES));
        vmm_check_all(&fixture, &fixture.kernel);
        body(&fixture);
        vmm_check_all(&fixture, &fixture.kernel);
        CHECK_OK(quire_vmm_check_all(&(quire_space_t *){&fixture.kernel}, 1, 0));
    }
}

void vmm_make(fixture_t *fixture, quire_space_t *space, uint32_t id)
{
    CHECK_OK(quire_vmm_create(space, &fixture->kernel, id, USER_START, fixture->user_end));
}

void vmm_check_all(fixture_t *fixture, quire_space_t *space)
{
    CHECK_OK(quire_pmm_check(fixture->pmm));
    CHECK_OK(quire_vmm_check(space));
}

void vmm_end(fixture_t *fixture, quire_space_t *space, size_t free_frames)
{
    quire_space_t *const spaces[] = {&fixture->kernel, space};

    vmm_check_all(fixture, space);
    CHECK_OK(quire_vmm_check_all(spaces, 2, SIZE_MAX));
    quire_vmm_destroy(space);
    CHECK_OK(quire_pmm_check(fixture->pmm));
    CHECK_EQUAL(vmm_free_frames(fixture), free_frames);
}

size_t vmm_free_frames(const fixture_t *fixture)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(fixture->pmm, &stats);
    return stats.free_frames;
}

void vmm_reserve_at(quire_space_t *space, quire_va_t at, size_t pages, unsigned prot)
{
    quire_va_t va = 0;

    CHECK_OK(quire_vmm_reserve(space, at, pages * QUIRE_PAGE_BYTES, prot, QUIRE_RESERVE_FIXED, &va));
    CHECK_EQUAL(va, at);
}

quire_page_t vmm_query(quire_space_t *space, quire_va_t va)
{
    quire_va_t start = quire_page_down(va);
    quire_cursor_t cursor;
    quire_page_t page;

    CHECK_OK(quire_cursor_open(&cursor, &space->table, start, start + PAGE, QUIRE_CURSOR_READ));
    page = quire_cursor_query(&cursor, start).page;
    quire_cursor_close(&cursor);
    return page;
}
