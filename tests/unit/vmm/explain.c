/* SPDX-License-Identifier: MIT */
/*
 * explain.c - the handler and the explainer judge alike: every kind of entry, with every right, met by every access.
 *
 * Two comparisons. Before: what the explainer foretells, nobody having answered, is what the handler then does. After:
 * told the handler's answer, and shown the tree as the handler left it, it does not say otherwise.
 */
#include <quire/explain.h>

#include "fixture.h"

#define AT (USER_START + 16 * PAGE)

/* What the processor would say of this access, and the handler be told. */
typedef struct attempt {
    uint32_t code;
    unsigned access;
} attempt_t;

typedef enum entry_state { ORDINARY, COPY_ON_WRITE, COPY_SHARED, STATES } entry_state_t;

static const quire_page_kind_t kinds[] = {QUIRE_PAGE_EMPTY,  QUIRE_PAGE_MAPPED, QUIRE_PAGE_RESERVED, QUIRE_PAGE_GUARD,
                                          QUIRE_PAGE_HIDDEN, QUIRE_PAGE_OBJECT, QUIRE_PAGE_SWAPPED,  QUIRE_PAGE_BUSY};

static bool says(const char *text, const char *words)
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

/* Whether the trace ends well. */
static bool ends_well(const char *text)
{
    return says(text, "likely: no mistake") || says(text, "likely: the tree allows this now");
}

static bool runs(quire_status_t status)
{
    return status == QUIRE_OK || status == QUIRE_AGAIN;
}

static attempt_t attempt_of(unsigned number)
{
    static const attempt_t bits[] = {{QUIRE_FAULT_USER, QUIRE_ACCESS_USER}, {QUIRE_FAULT_KEY, QUIRE_ACCESS_KEY}};
    static const attempt_t whats[] = {
        {0, QUIRE_ACCESS_READ}, {QUIRE_FAULT_WRITE, QUIRE_ACCESS_WRITE}, {QUIRE_FAULT_FETCH, QUIRE_ACCESS_EXEC}};
    attempt_t attempt = whats[number % 3];

    for (unsigned i = 0; i < 2; i++) {
        attempt.code |= number / 3 >> i & 1 ? bits[i].code : 0;
        attempt.access |= number / 3 >> i & 1 ? bits[i].access : 0;
    }
    return attempt;
}

#define ATTEMPTS 12

/* Puts such an entry at the address, if there can be one. */
static bool put(quire_space_t *space, quire_va_t at, quire_page_kind_t kind, unsigned prot, entry_state_t state)
{
    const bool framed = kind == QUIRE_PAGE_MAPPED || kind == QUIRE_PAGE_HIDDEN;
    quire_page_t page = {.kind = kind, .prot = (uint8_t)prot};
    quire_cursor_t cursor;
    quire_frame_t frame;

    if ((kind == QUIRE_PAGE_MAPPED && (prot & 7) == 0) || (kind == QUIRE_PAGE_HIDDEN && (prot & 7) != 0) ||
        (state != ORDINARY && kind != QUIRE_PAGE_MAPPED))
        return false;
    if (kind == QUIRE_PAGE_EMPTY || kind == QUIRE_PAGE_GUARD)
        page.prot = 0;
    page.flags = state == ORDINARY ? 0 : QUIRE_PAGE_COPY_ON_WRITE;
    if (framed) {
        CHECK_OK(quire_pmm_alloc(space->table.pmm, (quire_pmm_request_t){.owner = QUIRE_OWNER_USER}, &frame));
        page.payload = frame.number;
    } else if (kind == QUIRE_PAGE_OBJECT || kind == QUIRE_PAGE_SWAPPED || kind == QUIRE_PAGE_BUSY) {
        page.payload = 5;
    }
    if (state == COPY_SHARED)
        CHECK_OK(quire_pmm_retain(space->table.pmm, frame));
    CHECK_OK(quire_cursor_open(&cursor, &space->table, at, at + PAGE, QUIRE_CURSOR_POPULATE));
    if (kind != QUIRE_PAGE_EMPTY)
        quire_cursor_put(&cursor, at, &page);
    quire_cursor_close(&cursor);
    return true;
}

static void clear(quire_space_t *space, quire_va_t at)
{
    quire_cursor_t cursor;

    CHECK_OK(quire_cursor_open(&cursor, &space->table, at, at + PAGE, QUIRE_CURSOR_EDGES));
    (void)quire_cursor_mark(&cursor, at, at + PAGE, &(quire_page_t){.kind = QUIRE_PAGE_EMPTY});
    quire_cursor_close(&cursor);
}

/* The kind, right and access that disagree stand in the numbers that a failed check shows. */
static void compare(quire_space_t *space, quire_va_t at, attempt_t attempt, bool mapped, unsigned which)
{
    static char before[1024];
    static char after[1024];
    uint32_t code = attempt.code | (mapped ? (uint32_t)QUIRE_FAULT_PRESENT : 0);
    const quire_explain_t explain = {.format = space->table.format,
                                     .cr3 = quire_table_root(&space->table).value,
                                     .shared_start = space->table.shared_start,
                                     .promises = true,
                                     .pmm = space->table.pmm};

    (void)quire_explain(&explain, at, code, before, sizeof(before));
    quire_status_t status = quire_vmm_fault(space, at, attempt.access);
    (void)quire_explain_fault(&space->table, at, code, status, after, sizeof(after));
    if (ends_well(before) != runs(status))
        CHECK_EQUAL(which, SIZE_MAX);
    if (ends_well(after) != runs(status))
        CHECK_EQUAL(which, SIZE_MAX - 1);
    if ((status == QUIRE_NO_MEMORY) != says(after, "no frame of memory was left"))
        CHECK_EQUAL(which, SIZE_MAX - 2);
}

static void compare_all(fixture_t *fixture, quire_space_t *space, quire_va_t at, unsigned user)
{
    quire_frame_t shared;

    for (unsigned which = 0; which < sizeof(kinds) / sizeof(kinds[0]) * 8 * STATES * ATTEMPTS; which++) {
        quire_page_kind_t kind = kinds[which / (8 * STATES * ATTEMPTS)];
        unsigned prot = which / (STATES * ATTEMPTS) % 8 | user;
        entry_state_t state = (entry_state_t)(which / ATTEMPTS % STATES);

        if (!put(space, at, kind, prot, state))
            continue;
        shared = quire_frame((size_t)vmm_query(space, at).payload);
        compare(space, at, attempt_of(which % ATTEMPTS), kind == QUIRE_PAGE_MAPPED, which);
        clear(space, at);
        if (state == COPY_SHARED)
            CHECK_OK(quire_pmm_release(fixture->pmm, shared, NULL));
    }
}

static void processes(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t space;

    vmm_make(fixture, &space, 3);
    compare_all(fixture, &space, AT, QUIRE_PROT_USER);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, the_handler_and_the_explainer_judge_alike)
{
    vmm_each_format(processes);
}

static void kernels(fixture_t *fixture)
{
    compare_all(fixture, &fixture->kernel, fixture->kernel.start + 16 * PAGE, 0);
}

TEST(vmm, the_handler_and_the_explainer_judge_the_kernels_pages_alike)
{
    vmm_each_format(kernels);
}

/* No frame is left for what the entries promise. */
static void shortage(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    static char text[1024];
    quire_space_t space;

    vmm_make(fixture, &space, 3);
    vmm_reserve_at(&space, AT, 4, QUIRE_PROT_READ | QUIRE_PROT_WRITE);
    CHECK_OK(quire_vmm_fault(&space, AT, USER_WRITE));
    test_pmm_leave(fixture->pmm, 0);
    CHECK_EQUAL(quire_vmm_fault(&space, AT + PAGE, USER_WRITE), QUIRE_NO_MEMORY);
    (void)quire_explain_fault(&space.table, AT + PAGE, QUIRE_FAULT_USER | QUIRE_FAULT_WRITE, QUIRE_NO_MEMORY, text,
                              sizeof(text));
    CHECK(!ends_well(text));
    CHECK(says(text, "no frame of memory was left"));
    test_pmm_restore(fixture->pmm);
    vmm_end(fixture, &space, free_frames);
}

TEST(vmm, a_promise_that_could_not_be_kept_is_explained_so)
{
    vmm_each_format(shortage);
}
