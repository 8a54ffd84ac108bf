/* SPDX-License-Identifier: MIT */
/* fault.c - faults in words: each trace is told where it belongs. */
#include <quire/explain.h>

#include "fixture.h"

static bool contains(const char *text, const char *words)
{
    for (; *text != '\0'; text++) {
        size_t at = 0;

        while (words[at] != '\0' && text[at] == words[at])
            at++;
        if (words[at] == '\0')
            return true;
    }
    return false;
}

static void check_answered(const fixture_t *fixture, quire_va_t va, uint32_t code, quire_status_t answer,
                           const char *words)
{
    static char text[1024];
    size_t length = quire_explain_fault(&fixture->table, va, code, answer, text, sizeof(text));

    CHECK(length > 0 && length < sizeof(text) - 1);
    CHECK_EQUAL(text[length], '\0');
    CHECK(contains(text, words));
}

/* Nobody has answered. */
static void check_trace(const fixture_t *fixture, quire_va_t va, uint32_t code, const char *words)
{
    static char text[1024];
    const quire_explain_t explain = {.format = fixture->format,
                                     .cr3 = quire_table_root(&fixture->table).value,
                                     .shared_start = fixture->shared_start,
                                     .promises = true,
                                     .pmm = fixture->pmm};
    size_t length = quire_explain(&explain, va, code, text, sizeof(text));

    CHECK(length > 0 && length < sizeof(text) - 1);
    CHECK_EQUAL(text[length], '\0');
    CHECK(contains(text, words));
}

enum {
    READS = QUIRE_FAULT_USER,
    WRITES = QUIRE_FAULT_USER | QUIRE_FAULT_WRITE,
    FETCHES = QUIRE_FAULT_USER | QUIRE_FAULT_FETCH,
    PRESENT = QUIRE_FAULT_PRESENT,
};

static void put(fixture_t *fixture, quire_va_t va, quire_page_kind_t kind, unsigned prot)
{
    const quire_page_t page = {.kind = kind, .prot = (uint8_t)prot, .payload = 5};
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, &fixture->table, va, va + PAGE, QUIRE_CURSOR_POPULATE));
    quire_cursor_put(&cursor, va, &page);
    quire_cursor_close(&cursor);
}

static void nowhere(fixture_t *fixture)
{
    quire_va_t highest = (quire_va_t)(fixture->shared_start > UINT32_MAX ? UINT64_MAX : UINT32_MAX);

    CHECK_EQUAL(quire_explain_fault(&fixture->table, 8, READS, QUIRE_NOT_FOUND, NULL, 0), 0);
    check_trace(fixture, highest - 0x1100, 0, "a small negative number");
}

TEST(paging, faults_at_the_top_are_explained)
{
    paging_each_format(nowhere);
}

static void traces(fixture_t *fixture)
{
    quire_va_t at = 0x400000;

    check_trace(fixture, 8, READS, "null pointer");
    check_trace(fixture, at, WRITES, "ring 3 writes at 0x400000: not present");
    check_trace(fixture, at, READS, "nothing was ever promised");
    CHECK_OK(paging_map(&fixture->table, at, paging_frame(fixture), USER_READ, 0));
    check_trace(fixture, at, WRITES | PRESENT, "read-only");
    check_trace(fixture, at, READS, "the tree allows this now");
    CHECK_OK(paging_map(&fixture->table, at + PAGE, paging_frame(fixture), USER_WRITE, QUIRE_PAGE_COPY_ON_WRITE));
    check_trace(fixture, at + PAGE, WRITES | PRESENT, "the fault handler copies");
    if (quire_format_levels(fixture->format) > 2)
        check_trace(fixture, at, FETCHES | PRESENT, "a jump into data");
    check_trace(fixture, at, PRESENT, "SMAP");
    check_trace(fixture, at, READS | PRESENT | QUIRE_FAULT_KEY, "pages of protection key 0\n");
    if (quire_format_keys(fixture->format) > 1) {
        paging_protect_key(&fixture->table, at, at + PAGE, USER_READ, 13);
        check_trace(fixture, at, READS | PRESENT | QUIRE_FAULT_KEY, "pages of protection key 13\n");
    }
    check_trace(fixture, at, READS | PRESENT | QUIRE_FAULT_RESERVED, "EFER.NXE");
    put(fixture, at + 2 * PAGE, QUIRE_PAGE_RESERVED, USER_READ);
    check_trace(fixture, at + 2 * PAGE, READS, "keeps the promise");
    check_trace(fixture, at + 2 * PAGE, READS | QUIRE_FAULT_KEY, "pages of protection key 0\n");
    check_trace(fixture, at + 2 * PAGE, WRITES, "more than was promised");
    check_trace(fixture, at + 2 * PAGE, READS | PRESENT, "a flush is missing");
    put(fixture, at + 3 * PAGE, QUIRE_PAGE_GUARD, 0);
    check_trace(fixture, at + 3 * PAGE, WRITES, "a stack has outgrown");
    put(fixture, at + 4 * PAGE, QUIRE_PAGE_SWAPPED, USER_READ);
    check_trace(fixture, at + 4 * PAGE, READS, "nobody has brought it back yet");
    put(fixture, at + 5 * PAGE, QUIRE_PAGE_BUSY, USER_READ);
    check_trace(fixture, at + 5 * PAGE, READS, "under way");
    CHECK_OK(paging_protect(&fixture->table, at, at + PAGE, QUIRE_PROT_NONE));
    check_trace(fixture, at, READS, "all access to it was taken away");
    CHECK_OK(paging_map(&fixture->kernel, fixture->pinned, paging_frame(fixture), READ_WRITE, QUIRE_PAGE_GLOBAL));
    check_trace(fixture, fixture->pinned, READS | PRESENT, "reaches for the kernel's memory");
    check_trace(fixture, fixture->pinned + PAGE, READS, "reaches for the kernel's half");
    if (quire_format_levels(fixture->format) > 3)
        check_trace(fixture, fixture->top, READS, "not canonical");
}

TEST(paging, faults_are_explained)
{
    paging_each_format(traces);
}

static void overwrite(const quire_walk_step_t *step, uint64_t raw, bool narrow)
{
    void *window = quire_port_window_open(step->table);

    if (narrow)
        ((uint32_t *)window)[step->index] = (uint32_t)raw;
    else
        ((uint64_t *)window)[step->index] = raw;
    quire_port_window_close(window);
}

/* Garbage in the tables leads nowhere. */
static void garbage(fixture_t *fixture)
{
    static char text[1024];
    unsigned levels = quire_format_levels(fixture->format);
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];

    CHECK_OK(paging_map(&fixture->table, 0x5000, paging_frame(fixture), USER_READ, 0));
    CHECK_EQUAL(quire_table_walk(&fixture->table, 0x5000, steps), levels);
    overwrite(&steps[levels - 2], 0x7007, levels == 2);
    check_trace(fixture, 0x5000, READS, "not a table's");
    for (unsigned i = 0; i < 200; i++) {
        unsigned at = (unsigned)test_random_below(levels);

        overwrite(&steps[at], test_random(), levels == 2);
        CHECK(quire_explain_fault(&fixture->table, 0x5000, (uint32_t)test_random() & 63,
                                  (quire_status_t)test_random_below(QUIRE_CORRUPT + 1), text,
                                  (size_t)test_random_below(sizeof(text))) < sizeof(text));
        overwrite(&steps[at], steps[at].raw, levels == 2);
    }
    overwrite(&steps[levels - 2], steps[levels - 2].raw, levels == 2);
}

TEST(paging, an_overwritten_tree_is_explained_too)
{
    paging_each_format(garbage);
}

/* Tables that somebody else made, as far as can be told. */
typedef struct stranger {
    quire_explain_t explain;
    quire_frame_t missing; /* is not RAM, for `read` */
} stranger_t;

static const void *read_all_but_one(void *context, quire_frame_t frame)
{
    static uint8_t copy[PAGE];
    const stranger_t *stranger = context;
    void *window;

    if (frame.number == stranger->missing.number)
        return NULL;
    window = quire_port_window_open(frame);
    for (size_t i = 0; i < PAGE; i++)
        copy[i] = ((const uint8_t *)window)[i];
    quire_port_window_close(window);
    return copy;
}

static void tells(const stranger_t *stranger, quire_va_t va, uint32_t code, const char *words)
{
    static char text[1024];
    size_t length = quire_explain(&stranger->explain, va, code, text, sizeof(text));

    CHECK(length > 0 && length < sizeof(text) - 1);
    CHECK(contains(text, words));
}

static stranger_t stranger_of(const fixture_t *fixture)
{
    return (stranger_t){.explain = {.format = fixture->format,
                                    .cr3 = quire_table_root(&fixture->table).value,
                                    .read = read_all_but_one}};
}

/* What the processor ignores says nothing; what it looks at, all. */
static void foreign_entries(fixture_t *fixture)
{
    stranger_t stranger = stranger_of(fixture);
    bool narrow = quire_format_levels(fixture->format) == 2;
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    unsigned last;

    stranger.explain.context = &stranger;
    tells(&stranger, 0x400000, READS, "likely: nothing is mapped here");
    tells(&stranger, 8, WRITES, "null pointer");
    put(fixture, 0x402000, QUIRE_PAGE_RESERVED, USER_READ);
    tells(&stranger, 0x402000, READS,
          ": not present\n  likely: not present; the entry's other bits are the kernel's own");
    CHECK_OK(paging_map(&fixture->table, 0x400000, paging_frame(fixture), USER_WRITE, 0));
    last = quire_table_walk(&fixture->table, 0x400000, steps) - 1;
    overwrite(&steps[last], steps[last].raw | 0x200, narrow);
    tells(&stranger, 0x400000, WRITES | PRESENT, "now ring 3 may read, write");
    stranger.explain.promises = true;
    tells(&stranger, 0x400000, READS, "copy on write");
    overwrite(&steps[last], steps[last].raw, narrow);
}

TEST(paging, faults_of_other_kernels_are_explained)
{
    paging_each_format(foreign_entries);
}

/* The same entries, and another processor. */
static void modes(fixture_t *fixture)
{
    stranger_t stranger = stranger_of(fixture);
    unsigned levels = quire_format_levels(fixture->format);

    stranger.explain.context = &stranger;
    CHECK_OK(paging_map(&fixture->table, 0x400000, paging_frame(fixture), USER_READ, 0));
    tells(&stranger, 0x400000, PRESENT | QUIRE_FAULT_WRITE, "a write to what is read-only");
    tells(&stranger, 0x400000, PRESENT, "SMAP");
    if (levels > 2)
        tells(&stranger, 0x400000, FETCHES | PRESENT, "a jump into data");
    stranger.explain.cr0 = 0x80000001;
    stranger.explain.cr4 = 0x30;
    stranger.explain.efer = 0x800;
    tells(&stranger, 0x400000, PRESENT | QUIRE_FAULT_WRITE, "a write to what is read-only");
    tells(&stranger, 0x400000, PRESENT, "SMAP");
    stranger.explain.known = QUIRE_KNOWN_MODES;
    tells(&stranger, 0x400000, PRESENT | QUIRE_FAULT_WRITE, "the tree allows this now");
    tells(&stranger, 0x400000, WRITES | PRESENT, "the kernel may read, write");
    tells(&stranger, 0x400000, PRESENT, "the tree allows this now");
    stranger.explain.cr4 = 0x200030;
    tells(&stranger, 0x400000, PRESENT, "SMAP");
    stranger.explain.efer = 0;
    if (levels > 2)
        tells(&stranger, 0x400000, READS | PRESENT | QUIRE_FAULT_RESERVED, "reserved until EFER.NXE is set");
}

TEST(paging, faults_are_explained_by_the_modes_they_happened_in)
{
    paging_each_format(modes);
}

/* A register that holds 0 is not one that nobody knows: so does every register of a CPU that has left reset. */
static void modes_of_zero(fixture_t *fixture)
{
    stranger_t stranger = stranger_of(fixture);
    quire_va_t span = (quire_va_t)quire_format_span(fixture->format, 2);
    unsigned levels = quire_format_levels(fixture->format);

    stranger.explain.context = &stranger;
    CHECK_OK(paging_map(&fixture->table, 0x400000, paging_frame(fixture), USER_READ, 0));
    tells(&stranger, 0x400000, PRESENT, "SMAP");
    stranger.explain.known = QUIRE_KNOWN_CR4;
    tells(&stranger, 0x400000, PRESENT, "the tree allows this now");
    tells(&stranger, 0x400000, PRESENT | QUIRE_FAULT_WRITE, "a write to what is read-only");
    stranger.explain.known = QUIRE_KNOWN_MODES;
    tells(&stranger, 0x400000, levels > 2 ? PRESENT | QUIRE_FAULT_RESERVED : PRESENT | QUIRE_FAULT_WRITE,
          levels > 2 ? "reserved until EFER.NXE is set" : "the tree allows this now");
    if (levels > 2)
        return;
    CHECK_OK(paging_map_large(&fixture->table, 2 * span, 2, FOREIGN_BASE, USER_READ, FOREIGN));
    stranger.missing = quire_frame(FOREIGN_BASE);
    stranger.explain.known = 0;
    tells(&stranger, 2 * span, READS, "the tree allows this now");
    stranger.explain.known = QUIRE_KNOWN_CR4;
    tells(&stranger, 2 * span, READS, "its page-size bit means nothing until CR4.PSE is set");
    tells(&stranger, 2 * span, READS, "likely: a large page means a table until CR4.PSE is set");
}

/* The root of PAE has no rights: a bit for one is reserved. */
static void right_in_a_root(fixture_t *fixture)
{
    stranger_t stranger = stranger_of(fixture);
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];

    if (quire_format_levels(fixture->format) != 3)
        return;
    stranger.explain.context = &stranger;
    CHECK_OK(paging_map(&fixture->table, 0x400000, paging_frame(fixture), USER_READ, 0));
    (void)quire_table_walk(&fixture->table, 0x400000, steps);
    overwrite(&steps[0], steps[0].raw | 2, false);
    tells(&stranger, 0x400000, READS, "the PAE root's entry has reserved bits (it has no rights)");
    overwrite(&steps[0], steps[0].raw, false);
}

TEST(paging, a_right_in_the_root_of_pae_is_explained)
{
    paging_each_format(right_in_a_root);
}

TEST(paging, registers_of_zero_are_known_too)
{
    paging_each_format(modes_of_zero);
}

/* Below 64 KiB, and with something beneath: the end of a program that begins there, not a null pointer. */
static void above_the_first_pages(fixture_t *fixture)
{
    check_trace(fixture, 0x3008, WRITES, "null pointer");
    put(fixture, 0x1000, QUIRE_PAGE_GUARD, 0);
    check_trace(fixture, 0x3008, WRITES, "null pointer");
    put(fixture, 0x1000, QUIRE_PAGE_RESERVED, USER_READ);
    check_trace(fixture, 0x3008, WRITES, "nothing was ever promised");
    check_trace(fixture, 8, READS, "null pointer");
}

TEST(paging, low_addresses_with_something_beneath_are_no_null_pointers)
{
    paging_each_format(above_the_first_pages);
}

/* The handler's word is the last. */
static void answers(fixture_t *fixture)
{
    quire_va_t at = 0x400000;

    put(fixture, at, QUIRE_PAGE_RESERVED, USER_WRITE);
    check_answered(fixture, at, READS, QUIRE_OK, "keeps the promise");
    check_answered(fixture, at, READS, QUIRE_NO_MEMORY, "no frame of memory was left");
    check_answered(fixture, at, READS, QUIRE_NOT_FOUND, "outside the part that this space serves");
    check_answered(fixture, at, READS, QUIRE_DENIED, "told of another access");
    check_answered(fixture, at, READS, QUIRE_CORRUPT, "has failed");
    check_answered(fixture, at, 0, QUIRE_DENIED, "the kernel touches a program's memory");
    check_answered(fixture, 0x600000, READS, QUIRE_OK, "no mistake, says the handler");
    CHECK_OK(paging_map(&fixture->table, at + PAGE, paging_frame(fixture), USER_WRITE, QUIRE_PAGE_COPY_ON_WRITE));
    check_answered(fixture, at + PAGE, WRITES | PRESENT, QUIRE_NO_MEMORY, "or the page not copied");
    check_answered(fixture, at + PAGE, PRESENT | QUIRE_FAULT_WRITE, QUIRE_DENIED,
                   "the kernel touches a program's memory");
    check_answered(fixture, at + PAGE, WRITES | PRESENT | QUIRE_FAULT_KEY, QUIRE_DENIED, "pages of protection key 0");
}

TEST(paging, the_explainer_does_not_contradict_the_handler)
{
    paging_each_format(answers);
}

static void missing(fixture_t *fixture)
{
    stranger_t stranger = stranger_of(fixture);
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    unsigned count;

    stranger.explain.context = &stranger;
    CHECK_OK(paging_map(&fixture->table, 0x400000, paging_frame(fixture), USER_READ, 0));
    count = quire_table_walk(&fixture->table, 0x400000, steps);
    stranger.missing = steps[count - 1].table;
    tells(&stranger, 0x400000, READS, "names a table that is not in memory");
    stranger.missing = steps[0].table;
    tells(&stranger, 0x400000, READS, "CR3 names no memory");
}

TEST(paging, tables_that_are_not_there_are_named)
{
    paging_each_format(missing);
}
