/* SPDX-License-Identifier: MIT */
/* whole.c - all spaces checked together: words that lead to memory of others, and references that do not add up. */
#include "fixture.h"

#define AT (SEAM + 3 * PAGE)

typedef struct world {
    quire_space_t *spaces[3]; /* the kernel's, and two processes' */
    quire_space_t one;
    quire_space_t two;
    quire_walk_step_t steps[2][QUIRE_LEVELS_MAX]; /* to AT, in each */
    unsigned count;
} world_t;

static world_t world;

static void make_world(fixture_t *fixture)
{
    vmm_make(fixture, &world.one, 1);
    vmm_make(fixture, &world.two, 2);
    world.spaces[0] = &fixture->kernel;
    world.spaces[1] = &world.one;
    world.spaces[2] = &world.two;
    for (unsigned i = 1; i < 3; i++) {
        vmm_reserve_at(world.spaces[i], SEAM - PAGE, 8, READ_WRITE);
        CHECK_OK(quire_vmm_populate(world.spaces[i], SEAM - PAGE, 6 * PAGE));
        world.count = quire_table_walk(&world.spaces[i]->table, AT, world.steps[i - 1]);
        CHECK_EQUAL(world.count, quire_format_levels(fixture->format));
    }
    CHECK_OK(quire_vmm_check_all(world.spaces, 3, 0));
}

static void end_world(fixture_t *fixture, size_t free_frames)
{
    CHECK_OK(quire_vmm_check_all(world.spaces, 3, 0));
    quire_vmm_destroy(&world.two);
    vmm_end(fixture, &world.one, free_frames);
}

/* Writes a word behind the library's back. */
static void spoil(const quire_walk_step_t *step, const quire_format_t *format, uint64_t raw)
{
    unsigned char *window = quire_port_window_open(step->table);

    if (quire_format_levels(format) == 2)
        ((uint32_t *)window)[step->index] = (uint32_t)raw;
    else
        ((uint64_t *)window)[step->index] = raw;
    quire_port_window_close(window);
}

/* The word of the first space at this step comes to name `frame`. Whether the space's own check finds that; all
   together must. */
static void lead_to(fixture_t *fixture, unsigned step, size_t frame, bool found_alone)
{
    const quire_walk_step_t *at = &world.steps[0][step];
    uint64_t address = (uint64_t)(step + 1 < world.count ? world.steps[0][step + 1].table.number : at->page.payload)
                       << QUIRE_PAGE_SHIFT;

    spoil(at, fixture->format, (at->raw & ~address) | (uint64_t)frame << QUIRE_PAGE_SHIFT);
    if (step + 1 == world.count) /* of a table the tree may know by chance: it remembers one */
        CHECK_EQUAL(quire_vmm_check(&world.one), found_alone ? QUIRE_CORRUPT : QUIRE_OK);
    CHECK_OK(quire_vmm_check(&world.two));
    CHECK_EQUAL(quire_vmm_check_all(world.spaces, 3, SIZE_MAX), QUIRE_CORRUPT);
    spoil(at, fixture->format, at->raw);
    (void)vmm_query(&world.one, SEAM - PAGE); /* so that the table over it is the one that is remembered */
    CHECK_OK(quire_vmm_check_all(world.spaces, 3, 0));
}

static size_t take_frame(fixture_t *fixture, quire_owner_t owner)
{
    quire_frame_t frame;

    CHECK_OK(quire_pmm_alloc(fixture->pmm, (quire_pmm_request_t){.owner = (uint8_t)owner}, &frame));
    return frame.number;
}

static void words_that_lead_astray(fixture_t *fixture)
{
    static const quire_owner_t others[] = {QUIRE_OWNER_KERNEL, QUIRE_OWNER_HEAP, QUIRE_OWNER_TABLE};
    size_t free_frames = vmm_free_frames(fixture);

    make_world(fixture);
    unsigned leaf = world.count - 1;
    lead_to(fixture, leaf, (size_t)world.steps[1][leaf].page.payload, false); /* another process's page */
    lead_to(fixture, leaf, world.steps[0][leaf].table.number, true);          /* its own page table */
    lead_to(fixture, leaf, world.steps[1][leaf].table.number, true);          /* another's */
    lead_to(fixture, leaf, world.one.table.root.number, true);
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        size_t frame = take_frame(fixture, others[i]);

        spoil(&world.steps[0][leaf], fixture->format,
              (world.steps[0][leaf].raw & 0xFFF) | (uint64_t)frame << QUIRE_PAGE_SHIFT);
        CHECK_EQUAL(quire_vmm_check(&world.one), QUIRE_CORRUPT);
        spoil(&world.steps[0][leaf], fixture->format, world.steps[0][leaf].raw);
        CHECK_OK(quire_pmm_free(fixture->pmm, quire_frame(frame), 0));
    }
    /* One table in two trees: neither has a word in it that the other could not have. */
    lead_to(fixture, leaf - 1, world.steps[1][leaf].table.number, false);
    end_world(fixture, free_frames);
}

TEST(vmm, words_that_lead_to_memory_of_others_are_found)
{
    vmm_each_format(words_that_lead_astray);
}

/* A page of the kernel's may be anybody's but a table's. */
static void kernels_word(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t *kernel = &fixture->kernel;
    quire_walk_step_t steps[QUIRE_LEVELS_MAX];
    quire_va_t va;

    make_world(fixture);
    CHECK_OK(quire_vmm_reserve(kernel, 0, PAGE, READ_WRITE, 0, &va));
    CHECK_OK(quire_vmm_populate(kernel, va, PAGE));
    const quire_walk_step_t *leaf = &steps[quire_table_walk(&kernel->table, va, steps) - 1];
    uint64_t address = leaf->page.payload << QUIRE_PAGE_SHIFT;
    spoil(leaf, fixture->format, (leaf->raw & ~address) | quire_pa_of_frame(world.one.table.root).value);
    CHECK_EQUAL(quire_vmm_check(kernel), QUIRE_CORRUPT);
    spoil(leaf, fixture->format, leaf->raw);
    CHECK_OK(quire_vmm_check(kernel));
    CHECK_OK(quire_vmm_unmap(kernel, va, PAGE));
    end_world(fixture, free_frames);
}

TEST(vmm, a_page_of_the_kernel_that_names_a_table_is_found)
{
    vmm_each_format(kernels_word);
}

/* A process's page that says it is nobody's: device memory may be that, a page table or a free frame may not. */
static void foreign_pages(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_cursor_t cursor;

    make_world(fixture);
    size_t frame = take_frame(fixture, QUIRE_OWNER_KERNEL);
    CHECK_OK(quire_cursor_open(&cursor, &world.one.table, SEAM + 5 * PAGE, SEAM + 6 * PAGE, QUIRE_CURSOR_POPULATE));
    CHECK_OK(quire_cursor_map(&cursor, SEAM + 5 * PAGE, 1, quire_frame(frame), READ_WRITE | QUIRE_PROT_USER,
                              QUIRE_PAGE_FOREIGN));
    quire_cursor_close(&cursor);
    CHECK_OK(quire_vmm_check_all(world.spaces, 3, 0));
    CHECK_OK(quire_pmm_free(fixture->pmm, quire_frame(frame), 0));
    CHECK_EQUAL(quire_vmm_check_all(world.spaces, 3, 0), QUIRE_CORRUPT);
    quire_pmm_request_t again = {.owner = QUIRE_OWNER_TABLE};
    CHECK_OK(quire_pmm_take(fixture->pmm, quire_frame(frame), 1, (quire_owner_t)again.owner));
    CHECK_EQUAL(quire_vmm_check_all(world.spaces, 3, 0), QUIRE_CORRUPT);
    CHECK_OK(quire_vmm_unmap(&world.one, SEAM + 5 * PAGE, PAGE));
    CHECK_OK(quire_pmm_free(fixture->pmm, quire_frame(frame), 0));
    end_world(fixture, free_frames);
}

TEST(vmm, foreign_pages_of_processes_are_asked_what_they_name)
{
    vmm_each_format(foreign_pages);
}

/* What the caller holds himself he says; the rest was lost. */
static void references(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);
    quire_space_t child;

    make_world(fixture);
    CHECK_OK(quire_vmm_fork(&world.one, &child, 3));
    CHECK_EQUAL(quire_vmm_check_all(world.spaces, 3, 5 + 1 + 2), QUIRE_CORRUPT); /* the child was left out */
    quire_space_t *const all[] = {&fixture->kernel, &world.one, &world.two, &child};
    CHECK_OK(quire_vmm_check_all(all, 4, 0));
    quire_frame_t held = quire_frame((size_t)vmm_query(&child, SEAM).payload);
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(quire_vmm_check_all(all, 4, i));
        CHECK_OK(quire_pmm_retain(fixture->pmm, held));
        CHECK_EQUAL(quire_vmm_check_all(all, 4, i), QUIRE_CORRUPT);
    }
    CHECK_OK(quire_vmm_check_all(all, 4, SIZE_MAX));
    for (size_t i = 0; i < 3; i++)
        CHECK_OK(quire_pmm_release(fixture->pmm, held, NULL));
    size_t lost = take_frame(fixture, QUIRE_OWNER_USER);
    CHECK_EQUAL(quire_vmm_check_all(all, 4, 0), QUIRE_CORRUPT);
    CHECK_OK(quire_pmm_free(fixture->pmm, quire_frame(lost), 0));
    lost = take_frame(fixture, QUIRE_OWNER_TABLE);
    CHECK_EQUAL(quire_vmm_check_all(all, 4, 0), QUIRE_CORRUPT);
    CHECK_OK(quire_pmm_free(fixture->pmm, quire_frame(lost), 0));
    /* Two mappings, one reference: the mistake of one who maps a frame twice and retains it once. */
    CHECK_OK(quire_pmm_release(fixture->pmm, held, NULL));
    CHECK_EQUAL(quire_vmm_check_all(all, 4, SIZE_MAX), QUIRE_CORRUPT);
    CHECK_OK(quire_pmm_retain(fixture->pmm, held));
    quire_vmm_destroy(&child);
    end_world(fixture, free_frames);
}

TEST(vmm, references_and_mappings_add_up)
{
    vmm_each_format(references);
}

/* With fewer frames to count in, it counts more often, and finds the same. */
static void short_of_frames(fixture_t *fixture)
{
    size_t free_frames = vmm_free_frames(fixture);

    make_world(fixture);
    quire_frame_t held = quire_frame((size_t)vmm_query(&world.two, SEAM).payload);
    for (size_t left = 0; left < 5; left++) {
        test_pmm_leave(fixture->pmm, left);
        CHECK_EQUAL(quire_vmm_check_all(world.spaces, 3, 0), left < 2 ? QUIRE_NO_MEMORY : QUIRE_OK);
        CHECK_EQUAL(vmm_free_frames(fixture), left);
        CHECK_OK(quire_pmm_retain(fixture->pmm, held));
        CHECK_EQUAL(quire_vmm_check_all(world.spaces, 3, 0), left < 2 ? QUIRE_NO_MEMORY : QUIRE_CORRUPT);
        CHECK_OK(quire_pmm_release(fixture->pmm, held, NULL));
        CHECK_EQUAL(vmm_free_frames(fixture), left);
        test_pmm_restore(fixture->pmm);
    }
    CHECK_EQUAL(quire_vmm_check_all(world.spaces, 0, 0), QUIRE_INVALID);
    end_world(fixture, free_frames);
}

TEST(vmm, counting_needs_two_frames)
{
    vmm_each_format(short_of_frames);
}
