/* SPDX-License-Identifier: MIT */
/*
 * load.c - loading a tree into CR3, and which translations a CPU may keep while it runs another.
 *
 * Problem. Loading CR3 drops all translations that are not global, so that after each switch a process walks its tables
 * again. With process-context identifiers (PCID; here: tags) a translation belongs to a tag, and a load may keep those
 * of the tag that it loads (SDM 4.10.1, 4.10.4.1). But then a CPU holds translations of trees that it does not run, and
 * a change of such a tree does not reach them: INVLPG knows only the present tag, and requests to other CPUs go to
 * those that run the tree.
 *
 * Idea. Nobody reaches them; the next load does. A change that makes translations stale gives the tree a new stamp. A
 * CPU notes beside each of its seven tags the stamp of the tree that it last loaded under it. A tree is loaded under
 * the tag that has its stamp, and translations are kept; if there is none, under another tag, and what was left there
 * is dropped.
 *
 * Invariant. While the note beside a tag is a tree's stamp, the CPU holds under this tag no stale translation of the
 * tree, and none of another; but for changes that wait for this CPU, which runs the tree, to flush. It holds, because
 *   - no stamp is given twice, to whatever tree: not after a change, nor to a tree made in the place of a destroyed
 * one;
 *   - the stamp changes after the entries, and before anybody is asked to flush. The CPU that makes the change drops
 * its own translations at once, so the tag that it runs the tree under gets the new stamp, if it had the old one;
 *   - the port has noted that this CPU runs the tree before it loads it (port.h), and between that and the look at the
 *     stamp stands a fence; as between the new stamp and the port's look at the notes. So either the load sees the new
 *     stamp and keeps nothing, or the CPU is asked. It answers after the load, since the lock shuts interrupts out:
 *     an answer between the look and the load would flush another tag, and what changed could be freed too early.
 *
 * The kernel's half. Global pages know no tag, and are flushed everywhere when they change. The others know all: pages
 * that are not global, all pages where CR4.PGE is clear, and tables, since paging-structure caches go by tag even above
 * global pages. When one of those goes, the kernel's tree gets a new stamp, and a CPU that sees it forgets all its
 * notes.
 *
 * Notes belong to one CPU each; their lock is there against interrupts, and never waited for. They lie in a frame that
 * the kernel's tree takes when it is created, if the CPU has tags. Whether they are used is decided by the kernel, CPU
 * by CPU: it sets CR4.PCIDE. Tag 0 is for loads that keep nothing. Outside 64-bit code there are no tags, and the
 * compiler drops all of this.
 *
 * A tree with a second root for ring 3 (gate.c) has a second tag. Nothing flushes that at once, not even this CPU's own
 * changes: it is not loaded while the kernel runs. The way out to ring 3 looks at the stamp as a load does.
 *
 * Rejected: a tag for each tree (4095 are not enough for all times, and what each CPU holds must be noted all the
 * same); the set of CPUs that are up to date, in each tree (the same rules, and a cache line that all CPUs write);
 * INVPCID for a tree that this CPU does not run (it spares one flush at the next load, drops no tables but those above
 * the address, and is not everywhere); asking all CPUs for each change, whatever they run.
 */
#include "paging.h"

#include "cpu/cpu.h"

#define TAGS         7
#define STAMPS_BLOCK ((size_t)1 << 20) /* stamps that a tree has before it must ask for more */

/* What one CPU knows: no other writes these cache lines. */
typedef struct notes {
    quire_lock_t lock;
    size_t kernel_stamp;
    size_t stamps[TAGS];
    size_t user_stamps[TAGS]; /* the same for the tag of the tree's second root */
    uint32_t spaces[TAGS];    /* a hint: whose tag it was, so that a tree takes its own again */
    uint32_t loads;
    uint32_t kept;
    uint8_t present; /* the tag in CR3; 0: none */
    uint8_t next;    /* whose turn it is to be taken */
} QUIRE_ALIGNED(128) notes_t;

/* The tag of a second root is that of the first plus this. */
#define USER_TAG 8

static bool may_have_tags(const quire_table_t *table)
{
    return sizeof(uintptr_t) == sizeof(uint64_t) && format_of(table)->levels >= 4;
}

static const quire_table_t *kernel_of(const quire_table_t *table)
{
    return table->kernel != NULL ? table->kernel : table;
}

static size_t stamp_of(const quire_table_t *table)
{
    return __atomic_load_n(&table->stamp, __ATOMIC_RELAXED);
}

/* The frame of all notes, open; NULL if there is none, or this CPU has no place in it. */
static notes_t *notes_open(const quire_table_t *table)
{
    const quire_table_t *kernel = kernel_of(table);

    if (!may_have_tags(table) || kernel->tags.number == 0)
        return NULL;
    if (quire_port_cpu() >= QUIRE_PAGE_BYTES / sizeof(notes_t))
        return NULL;
    return quire_port_window_open(kernel->tags);
}

quire_status_t quire_paging_tags_take(quire_table_t *kernel, unsigned zone)
{
    const quire_pmm_request_t request = {
        .zone = (uint8_t)zone, .owner = QUIRE_OWNER_KERNEL, .lifetime = QUIRE_LIFETIME_LONG, .zeroed = true};

    kernel->next_stamps = STAMPS_BLOCK;
    quire_paging_stamp_first(kernel);
    if (!may_have_tags(kernel) || !quire_cpu_offers_tags())
        return QUIRE_OK;
    return quire_pmm_alloc(kernel->pmm, request, &kernel->tags);
}

void quire_paging_tags_release(quire_table_t *kernel)
{
    if (kernel->tags.number != 0)
        quire_paging_frames_release(kernel, kernel->tags, 1, 0);
}

void quire_paging_stamp_first(quire_table_t *table)
{
    quire_table_t *kernel = table->kernel != NULL ? table->kernel : table;

    if (may_have_tags(table))
        table->stamp = __atomic_fetch_add(&kernel->next_stamps, STAMPS_BLOCK, __ATOMIC_RELAXED);
}

static size_t next_stamp(quire_table_t *table)
{
    quire_table_t *kernel = table->kernel != NULL ? table->kernel : table;
    size_t next = table->stamp + 1;

    if (next % STAMPS_BLOCK != 0)
        return next;
    return __atomic_fetch_add(&kernel->next_stamps, STAMPS_BLOCK, __ATOMIC_RELAXED);
}

/* Every CPU has been, or will be, asked to flush what has changed, and then holds nothing of it under any tag. */
static bool is_flushed_for_all_tags(const quire_table_t *table)
{
    return table->kernel == NULL && !table->has_local_pages && !table->has_lost_tables && quire_cpu_keeps_global();
}

void quire_paging_stamp(quire_table_t *table)
{
    size_t before = table->stamp;

    if (!may_have_tags(table) || kernel_of(table)->tags.number == 0)
        return;
    if (!is_flushed_for_all_tags(table)) {
        /* An exchange is a full barrier: what the port then reads of who runs the tree is not older. */
        __atomic_exchange_n(&table->stamp, next_stamp(table), __ATOMIC_SEQ_CST);
        table->has_lost_tables = false;
    }
    notes_t *window = notes_open(table);
    if (window == NULL)
        return;
    notes_t *notes = &window[quire_port_cpu()];
    if (notes->present != 0 && notes->stamps[notes->present - 1] == before)
        notes->stamps[notes->present - 1] = table->stamp;
    quire_port_window_close(window);
}

/* The tag with this stamp, or 0. */
static unsigned tag_of(const notes_t *notes, size_t stamp)
{
    for (unsigned i = 0; i < TAGS; i++) {
        if (notes->stamps[i] == stamp)
            return i + 1;
    }
    return 0;
}

/* One whose translations will be dropped: the tree's own from before, or the next in turn. */
static unsigned tag_to_take(notes_t *notes, uint32_t space)
{
    for (unsigned i = 0; i < TAGS; i++) {
        if (notes->spaces[i] == space && notes->stamps[i] != 0)
            return i + 1;
    }
    notes->next = (uint8_t)(notes->next % TAGS + 1);
    return notes->next;
}

static void forget_all(notes_t *notes, size_t kernel_stamp)
{
    for (unsigned i = 0; i < TAGS; i++)
        notes->stamps[i] = 0;
    notes->kernel_stamp = kernel_stamp;
}

/* The notes are locked. Returns the tag. */
static unsigned load_tagged(notes_t *notes, const quire_table_t *table)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    size_t kernel_stamp = stamp_of(kernel_of(table));
    size_t stamp = stamp_of(table);

    if (notes->kernel_stamp != kernel_stamp)
        forget_all(notes, kernel_stamp);
    unsigned tag = tag_of(notes, stamp);
    bool keep = tag != 0;
    if (!keep)
        tag = tag_to_take(notes, table->space);
    quire_cpu_load_root(quire_table_root(table), tag, keep);
    notes->stamps[tag - 1] = stamp;
    notes->spaces[tag - 1] = table->space;
    notes->present = (uint8_t)tag;
    notes->loads++;
    notes->kept += keep;
    return tag;
}

void quire_table_load(const quire_table_t *table)
{
    unsigned tag = 0;

    if (QUIRE_CHECKS)
        quire_paging_must_carry(table);
    notes_t *window = quire_cpu_uses_tags() ? notes_open(table) : NULL;
    if (window == NULL) {
        quire_cpu_load_root(quire_table_root(table), 0, false);
    } else {
        notes_t *notes = &window[quire_port_cpu()];

        quire_port_lock(&notes->lock);
        tag = load_tagged(notes, table);
        quire_port_unlock(&notes->lock);
        quire_port_window_close(window);
    }
    quire_event(.kind = QUIRE_EVENT_LOAD_ROOT, .space = table->space, .frame = table->root.number, .detail = tag);
}

/* The stamp says for the second root's tag what it says for the first's, and whoever changes the tree asks this CPU to
   flush, which brings it here again before ring 3 runs on. */
static quire_table_crossing_t cross_tagged(notes_t *notes, const quire_table_t *table)
{
    const uint64_t keep = (uint64_t)1 << 63;
    unsigned tag = notes->present;
    size_t stamp = stamp_of(table);
    quire_table_crossing_t crossing = {.user = quire_pa_of_frame(table->user_root).value | tag | USER_TAG,
                                       .kernel = quire_table_root(table).value | tag | keep};

    if (notes->user_stamps[tag - 1] == stamp)
        crossing.user |= keep;
    notes->user_stamps[tag - 1] = stamp;
    return crossing;
}

quire_table_crossing_t quire_table_cross(const quire_table_t *table)
{
    quire_table_crossing_t crossing = {.user = quire_table_root(table).value, .kernel = quire_table_root(table).value};
    notes_t *window = quire_cpu_uses_tags() ? notes_open(table) : NULL;
    notes_t *notes = window != NULL ? &window[quire_port_cpu()] : NULL;

    if (table->user_root.number != 0) {
        crossing.user = quire_pa_of_frame(table->user_root).value;
        if (notes != NULL && notes->present != 0)
            crossing = cross_tagged(notes, table);
    }
    if (window != NULL)
        quire_port_window_close(window);
    return crossing;
}

quire_table_loads_t quire_table_loads(const quire_table_t *table)
{
    quire_table_loads_t loads = {0};
    notes_t *window = notes_open(table);

    if (window != NULL) {
        const notes_t *notes = &window[quire_port_cpu()];

        loads = (quire_table_loads_t){.tag = notes->present, .loads = notes->loads, .kept = notes->kept};
        quire_port_window_close(window);
    }
    return loads;
}

quire_pa_t quire_table_root(const quire_table_t *table)
{
    return quire_pa_of_frame(table->root);
}
