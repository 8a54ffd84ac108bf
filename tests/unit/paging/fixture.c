/* SPDX-License-Identifier: MIT */
#include "fixture.h"

quire_va_t paging_shared_start(const quire_format_t *format)
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

size_t paging_free_frames(const fixture_t *fixture)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(fixture->pmm, &stats);
    return stats.free_frames;
}

/* The root of PAE lies below 4 GiB: a machine without RAM there cannot have one. */
static bool has_root(const fixture_t *fixture)
{
    quire_pmm_stats_t stats;

    quire_pmm_stats(fixture->pmm, &stats);
    return quire_format_levels(fixture->format) > 3 || stats.zone_total_frames[QUIRE_ZONE_BELOW_4G] != 0;
}

static void run(quire_pmm_t *pmm, const quire_format_t *format, bool with_block, void (*body)(fixture_t *fixture))
{
    static fixture_t fixture;
    quire_va_t shared_start = paging_shared_start(format);
    unsigned levels = quire_format_levels(format);

    fixture = (fixture_t){.format = format, .pmm = pmm, .shared_start = shared_start};
    if (!has_root(&fixture) || (with_block && levels == 2))
        return;
    fixture.free_before = paging_free_frames(&fixture);
    fixture.pinned = shared_start + (quire_va_t)(levels == 3 ? 0 : 2 * quire_format_span(format, levels));
    fixture.top = levels < 4 ? shared_start : (quire_va_t)(quire_format_span(format, levels) * 256);
    if (with_block)
        CHECK_OK(quire_pmm_alloc(pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_USER, .order = 9}, &fixture.block));
    CHECK_OK(quire_table_create_kernel(&fixture.kernel, format, pmm, QUIRE_ZONE_ANY, shared_start));
    CHECK_OK(quire_table_pin(&fixture.kernel, fixture.pinned, fixture.pinned + PAGE));
    quire_table_seal(&fixture.kernel);
    CHECK_OK(quire_table_create(&fixture.table, &fixture.kernel, 7));
    body(&fixture);
    CHECK_OK(quire_table_check(&fixture.table));
    CHECK_OK(quire_table_check(&fixture.kernel));
    quire_table_destroy(&fixture.table);
    quire_table_destroy(&fixture.kernel);
    CHECK_OK(quire_pmm_check(pmm));
    CHECK_EQUAL(paging_free_frames(&fixture), fixture.free_before);
}

void paging_each_format(void (*body)(fixture_t *fixture))
{
    quire_pmm_t *pmm = test_pmm(900);

    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++)
        run(pmm, *format, false, body);
}

void paging_each_format_with_block(void (*body)(fixture_t *fixture))
{
    quire_pmm_t *pmm = test_pmm(900);

    for (const quire_format_t *const *format = test_formats(); *format != NULL; format++)
        run(pmm, *format, true, body);
}

quire_frame_t paging_frame(fixture_t *fixture)
{
    quire_frame_t frame = {0};

    CHECK_OK(quire_pmm_alloc(fixture->pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_USER}, &frame));
    return frame;
}

quire_extent_t paging_query(quire_table_t *table, quire_va_t va)
{
    quire_cursor_t cursor;
    quire_extent_t extent;

    CHECK_OK(quire_cursor_open(&cursor, table, quire_page_down(va), quire_page_down(va) + PAGE, QUIRE_CURSOR_READ));
    extent = quire_cursor_query(&cursor, va);
    quire_cursor_close(&cursor);
    return extent;
}

quire_status_t paging_map(quire_table_t *table, quire_va_t va, quire_frame_t frame, unsigned prot, unsigned flags)
{
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(&cursor, table, va, va + PAGE, QUIRE_CURSOR_POPULATE);

    if (status != QUIRE_OK)
        return status;
    status = quire_cursor_map(&cursor, va, 1, frame, prot, flags);
    quire_cursor_close(&cursor);
    return status;
}

quire_status_t paging_map_large(quire_table_t *table, quire_va_t va, unsigned level, size_t frame, unsigned prot,
                                unsigned flags)
{
    quire_va_t end = va + (quire_va_t)quire_format_span(table->format, level);
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(&cursor, table, va, end, QUIRE_CURSOR_EDGES);

    if (status != QUIRE_OK)
        return status;
    status = quire_cursor_map(&cursor, va, level, quire_frame(frame), prot, flags);
    quire_cursor_close(&cursor);
    return status;
}

quire_status_t paging_mark(quire_table_t *table, quire_va_t start, quire_va_t end, quire_page_kind_t kind,
                           unsigned prot)
{
    const quire_page_t page = {.kind = kind, .prot = (uint8_t)prot};
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(&cursor, table, start, end, QUIRE_CURSOR_EDGES);

    if (status != QUIRE_OK)
        return status;
    (void)quire_cursor_mark(&cursor, start, end, &page);
    quire_cursor_close(&cursor);
    return QUIRE_OK;
}

quire_status_t paging_protect(quire_table_t *table, quire_va_t start, quire_va_t end, unsigned prot)
{
    quire_cursor_t cursor;
    quire_status_t status = quire_cursor_open(&cursor, table, start, end, QUIRE_CURSOR_EDGES);

    if (status != QUIRE_OK)
        return status;
    quire_cursor_protect(&cursor, start, end, prot);
    quire_cursor_close(&cursor);
    return QUIRE_OK;
}

void paging_protect_key(quire_table_t *table, quire_va_t start, quire_va_t end, unsigned prot, unsigned key)
{
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, table, start, end, QUIRE_CURSOR_EDGES));
    CHECK_OK(quire_cursor_protect_key(&cursor, start, end, prot, key));
    quire_cursor_close(&cursor);
}

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 29;
}

static uint64_t fingerprint_table(const quire_table_t *table, quire_frame_t frame, unsigned level)
{
    bool narrow = quire_format_payload_max(table->format) < 1u << 20;
    unsigned words = narrow ? 1024 : 512;
    uint64_t sum = frame.number;

    for (unsigned i = 0; i < words; i++) {
        void *window = quire_port_window_open(frame);
        uint64_t raw = narrow ? ((uint32_t *)window)[i] : ((uint64_t *)window)[i];
        quire_page_t page = quire_format_decode(table->format, level, raw);

        quire_port_window_close(window);
        if (raw == 0)
            continue;
        sum = mix(mix(sum, i), raw & 1 ? raw & ~(uint64_t)0x60 : raw);
        if (page.kind == QUIRE_PAGE_TABLE)
            sum = mix(sum, fingerprint_table(table, quire_frame((size_t)page.payload), level - 1));
    }
    return sum;
}

uint64_t paging_fingerprint(const quire_table_t *table)
{
    return fingerprint_table(table, table->root, quire_format_levels(table->format));
}
