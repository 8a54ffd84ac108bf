/* SPDX-License-Identifier: MIT */
/*
 * check_all.c - all trees together: does each frame have as many holders as pages name it?
 *
 * Problem. A word that names another process's page is as good as any other word of its tree, and each tree is as it
 * should be. What is wrong is a sum: two pages name a frame that one reference holds. To know the sums takes a count
 * for each frame of the machine, and the library has no memory but frames.
 *
 * Idea. Then frames: one holds the counts of 1,024 others, and one more holds the numbers of those. With fewer of them
 * than there are frames to count for, the trees are walked once for each stretch that they can count. A frame with
 * counts is zeroed by the PMM for the first stretch, and here for the next.
 *
 * A block that a page maps is counted by its first frame, as often as there are pages that map it: each page holds one
 * reference to it (node.c releases them so). Who maps a frame that is wrong is found by another walk.
 *
 * Only trees that have passed their own check are walked: so every table is one, and every frame that is named begins a
 * block. The isolation tree is reached through its kernel's.
 *
 * Locks: each tree's own, while it is walked, and none while the PMM is asked for frames.
 *
 * Rejected: a checksum over frames and references (no memory at all, and by halving the range it finds the frame; but
 * it cannot tell a missing holder from one that the caller has declared, and one that is too few from one too many);
 * sorting mappings; a count in the PMM's record of a frame (a byte for each frame of every machine, for a check).
 */
#include "tree.h"

#include "string.h"

#define COUNTS      (QUIRE_PAGE_BYTES / sizeof(uint32_t)) /* in one frame */
#define PIECES_MAX  (QUIRE_PAGE_BYTES / sizeof(size_t))   /* frames of them */
#define PIECES_WANT 2                                     /* the least that must be free: one, and its directory */

typedef struct tally {
    quire_table_t *(*table_at)(const void *context, size_t index);
    const void *context;
    size_t count; /* of trees */
    quire_pmm_t *pmm;
    quire_frame_t directory; /* the numbers of the frames with counts */
    size_t parts;            /* how many of those */
    size_t first;            /* frames [first, end) are counted now */
    size_t end;
    size_t held; /* references without a mapping that may still be met */
    /* while somebody is looked for who names a frame: it, and where; otherwise 0 */
    size_t wanted;
    const quire_table_t *found;
    quire_va_t found_va;
} tally_t;

static quire_frame_t part_of(const tally_t *tally, size_t frame)
{
    const size_t *numbers = quire_port_window_open(tally->directory);
    quire_frame_t part = quire_frame(numbers[(frame - tally->first) / COUNTS]);

    quire_port_window_close((void *)(uintptr_t)numbers);
    return part;
}

/* A page, or an entry above, names a frame. */
static void note(tally_t *tally, const quire_table_t *table, quire_va_t va, size_t frame)
{
    if (frame == tally->wanted && tally->found == NULL && frame != 0) {
        tally->found = table;
        tally->found_va = va;
    }
    if (tally->wanted != 0 || frame < tally->first || frame >= tally->end)
        return;
    uint32_t *counts = quire_port_window_open(part_of(tally, frame));
    counts[(frame - tally->first) % COUNTS]++;
    quire_port_window_close(counts);
}

static void note_page(tally_t *tally, const quire_table_t *table, unsigned level, quire_va_t va, uint64_t raw)
{
    const quire_format_t *format = format_of(table);
    uint64_t frame = entry_frame(format, level, raw);

    if (!(entry_present(raw) || promise_is_hidden(raw)) || !page_is_owned(raw))
        return;
    for (uint64_t at = 0; at < format_pages(format, level);) {
        quire_frame_t block = quire_frame((size_t)(frame + at));

        note(tally, table, va + ((quire_va_t)at << QUIRE_PAGE_SHIFT), block.number);
        at += (uint64_t)1 << quire_pmm_frame_info(tally->pmm, block).order;
    }
}

/* Entries [first, end) of a table. */
static void note_table(tally_t *tally, const quire_table_t *table, quire_frame_t frame, unsigned level, quire_va_t va,
                       unsigned first, unsigned end)
{
    const quire_format_t *format = format_of(table);
    void *window = quire_port_window_open(frame);

    note(tally, table, va, frame.number);
    for (unsigned i = first; i < end; i++) {
        uint64_t raw = word_read(format, window, i);
        quire_va_t at = va + ((quire_va_t)i << format_shift(format, level));

        if (entry_is_table(format, level, raw))
            note_table(tally, table, entry_table(format, raw), level - 1, at, 0, format_entries(format, level - 1));
        else if (raw != 0)
            note_page(tally, table, level, at, raw);
    }
    quire_port_window_close(window);
}

static void note_tree(tally_t *tally, quire_table_t *table)
{
    const quire_format_t *format = format_of(table);
    unsigned levels = format->levels;
    unsigned end =
        table->kernel != NULL ? format_index(format, levels, table->shared_start) : format_entries(format, levels);

    quire_port_lock(&table->lock);
    note_table(tally, table, table->root, levels, 0, 0, end);
    if (table->user_root.number != 0)
        note(tally, table, 0, table->user_root.number);
    quire_port_unlock(&table->lock);
}

static void note_all(tally_t *tally)
{
    for (size_t i = 0; i < tally->count; i++) {
        quire_table_t *table = tally->table_at(tally->context, i);

        note_tree(tally, table);
        if (table->kernel == NULL && table->isolation != NULL)
            note_tree(tally, (quire_table_t *)(uintptr_t)table->isolation);
    }
}

static quire_status_t report(tally_t *tally, const char *rule, size_t frame)
{
    tally->wanted = frame;
    note_all(tally);
    if (tally->found != NULL)
        quire_paging_report(tally->found, rule, tally->found_va, quire_frame(frame));
    else
        quire_paging_report(tally->table_at(tally->context, 0), rule, NOWHERE, quire_frame(frame));
    return QUIRE_CORRUPT;
}

static quire_status_t compare(tally_t *tally, size_t frame, uint32_t mappings)
{
    quire_frame_info_t info = quire_pmm_frame_info(tally->pmm, quire_frame(frame));

    if (!info.allocated || info.references == mappings)
        return QUIRE_OK;
    if (info.references < mappings)
        return report(tally, "paging: more name a frame than hold it", frame);
    if ((info.owner != QUIRE_OWNER_USER && info.owner != QUIRE_OWNER_TABLE) || tally->held == SIZE_MAX)
        return QUIRE_OK;
    if (info.references - mappings > tally->held)
        return report(tally, "paging: a frame is held that nobody names", frame);
    tally->held -= info.references - mappings;
    return QUIRE_OK;
}

/* Compares the counts of one frame of them, and clears them. */
static quire_status_t compare_part(tally_t *tally, size_t first)
{
    uint32_t *counts = quire_port_window_open(part_of(tally, first));
    uint32_t copy[16];
    quire_status_t status = QUIRE_OK;

    for (size_t i = 0; i < COUNTS && status == QUIRE_OK; i += 16) {
        memcpy(copy, counts + i, sizeof(copy));
        quire_port_window_close(counts);
        for (size_t j = 0; j < 16 && first + i + j < tally->end && status == QUIRE_OK; j++)
            status = compare(tally, first + i + j, copy[j]);
        counts = quire_port_window_open(part_of(tally, first));
    }
    memset(counts, 0, QUIRE_PAGE_BYTES);
    quire_port_window_close(counts);
    return status;
}

static quire_status_t count_frames(tally_t *tally)
{
    quire_status_t status = QUIRE_OK;
    quire_frame_t first;
    quire_frame_t end;

    quire_pmm_bounds(tally->pmm, &first, &end);
    for (size_t at = first.number; at < end.number && status == QUIRE_OK; at = tally->end) {
        tally->first = at;
        tally->end = end.number - at < tally->parts * COUNTS ? end.number : at + tally->parts * COUNTS;
        note_all(tally);
        for (size_t part = at; part < tally->end && status == QUIRE_OK; part += COUNTS)
            status = compare_part(tally, part);
    }
    return status;
}

static const quire_pmm_request_t scratch = {
    .owner = QUIRE_OWNER_KERNEL, .lifetime = QUIRE_LIFETIME_LONG, .zeroed = true};

static void release(quire_pmm_t *pmm, quire_frame_t frame)
{
    if (quire_pmm_release(pmm, frame, NULL) != QUIRE_OK)
        quire_panic_frame("paging: a frame of a count was freed by somebody else", frame, 0, 0);
}

static void give_back(tally_t *tally)
{
    tally->first = 0;
    for (size_t i = 0; i < tally->parts; i++)
        release(tally->pmm, part_of(tally, i * COUNTS));
    release(tally->pmm, tally->directory);
}

/* As many as help, as there is room to note, and as are at most half of what is free. */
static quire_status_t take(tally_t *tally)
{
    quire_pmm_stats_t stats;
    quire_frame_t first;
    quire_frame_t end;
    quire_frame_t part;

    quire_pmm_bounds(tally->pmm, &first, &end);
    quire_pmm_stats(tally->pmm, &stats);
    size_t wanted = (end.number - first.number + COUNTS - 1) / COUNTS;
    if (wanted > stats.free_frames / 2)
        wanted = stats.free_frames / 2;
    if (wanted > PIECES_MAX)
        wanted = PIECES_MAX;
    if (stats.free_frames < PIECES_WANT)
        return QUIRE_NO_MEMORY;
    quire_status_t status = quire_pmm_alloc(tally->pmm, scratch, &tally->directory);
    if (status != QUIRE_OK)
        return status;
    while (tally->parts < wanted && quire_pmm_alloc(tally->pmm, scratch, &part) == QUIRE_OK) {
        size_t *numbers = quire_port_window_open(tally->directory);

        numbers[tally->parts++] = part.number;
        quire_port_window_close(numbers);
    }
    if (tally->parts > 0)
        return QUIRE_OK;
    give_back(tally);
    return QUIRE_NO_MEMORY;
}

quire_status_t quire_table_check_all(quire_table_t *(*table_at)(const void *context, size_t index), const void *context,
                                     size_t count, size_t held)
{
    tally_t tally = {.table_at = table_at, .context = context, .count = count, .held = held};

    if (count == 0)
        return QUIRE_INVALID;
    for (size_t i = 0; i < count; i++) {
        quire_table_t *table = table_at(context, i);
        quire_status_t status = quire_table_check(table);

        if (status != QUIRE_OK)
            return status;
        tally.pmm = table->pmm;
    }
    quire_status_t status = take(&tally);
    if (status != QUIRE_OK)
        return status;
    status = count_frames(&tally);
    give_back(&tally);
    return status;
}
