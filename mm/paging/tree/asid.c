/* SPDX-License-Identifier: MIT */
/*
 * asid.c - loading a tree into CR3, and which translations a CPU may keep while it runs another.
 *
 * Problem. Loading CR3 drops all translations that are not global, so that after each switch a process walks its tables
 * again. With process-context identifiers (PCID; here: ASID, address-space identifier) a translation belongs to an
 * ASID, and a load may keep those of the ASID that it loads (SDM 4.10.1, 4.10.4.1). But then a CPU holds translations
 * of trees that it does not run, and a change of such a tree does not reach them: INVLPG knows only the present ASID,
 * and requests to other CPUs go to those that run the tree.
 *
 * Idea. Nobody reaches them; the next load does. A change that makes translations stale gives the tree a new
 * generation. A CPU writes down, beside each of its seven ASIDs, the generation of the tree that it last loaded under
 * it. A tree is loaded under the ASID that has its generation, and translations are kept; if there is none, under
 * another ASID, and what was left there is dropped.
 *
 * Invariant. While what stands beside an ASID is a tree's generation, the CPU holds under this ASID no stale
 * translation of the tree, and none of another; but for changes that wait for this CPU, which runs the tree, to flush.
 * It holds, because
 *   - no generation is given twice, to whatever tree: not after a change, nor to a tree made in the place of one that
 *     was destroyed;
 *   - the generation changes after the entries, and before anybody is asked to flush. The CPU that makes the change
 *     drops its own translations at once, so the ASID that it runs the tree under gets the new generation, if it had
 *     the old one;
 *   - the port knows that this CPU runs the tree before it loads it (port.h), and between that and the look at the
 *     generation stands a fence; as between the new generation and the port's look at who runs what. So either the load
 *     sees the new generation and keeps nothing, or the CPU is asked. It answers after the load, since the lock shuts
 *     interrupts out: an answer between the look and the load would flush another ASID, and what changed could be freed
 *     too early.
 *
 * The kernel's half. Global pages know no ASID, and are flushed everywhere when they change. The others know all: pages
 * that are not global, all pages where CR4.PGE is clear, and tables, since paging-structure caches go by ASID even
 * above global pages. When one of those goes, the kernel's tree gets a new generation, and a CPU that sees it forgets
 * what stands beside all its ASIDs.
 *
 * The state belongs to one CPU; its lock is there against interrupts, and never waited for. All CPUs' states lie in a
 * frame that the kernel's tree takes when it is created, if the CPU has ASIDs. Whether they are used is decided by the
 * kernel, CPU by CPU: it sets CR4.PCIDE. ASID 0 is for loads that keep nothing. Outside 64-bit code there are no ASIDs,
 * and the compiler drops all of this.
 *
 * A tree with a second root for ring 3 (isolation.c) has a second ASID. Nothing flushes that at once, not even this
 * CPU's own changes: it is not loaded while the kernel runs. The way out to ring 3 looks at the generation as a load
 * does.
 *
 * Rejected: an ASID for each tree (4095 are not enough for all times, and what each CPU holds must be written down all
 * the same); the set of CPUs that are up to date, in each tree (the same rules, and a cache line that all CPUs write);
 * INVPCID for a tree that this CPU does not run (it spares one flush at the next load, drops no tables but those above
 * the address, and is not everywhere); asking all CPUs for each change, whatever they run.
 */
#include "tree.h"

#include "cpu/cpu.h"

#define ASIDS             7
#define GENERATIONS_BLOCK ((size_t)1 << 20) /* generations that a tree has before it must ask for more */

/* What one CPU knows: no other writes these cache lines. */
typedef struct tlb_state {
    quire_lock_t lock;
    size_t kernel_generation;
    size_t generations[ASIDS];
    size_t user_generations[ASIDS]; /* the same for the asid of the tree's second root */
    uint32_t spaces[ASIDS];         /* a hint: whose asid it was, so that a tree takes its own again */
    uint32_t loads;
    uint32_t kept;
    uint8_t present; /* the asid in CR3; 0: none */
    uint8_t next;    /* whose turn it is to be taken */
} QUIRE_ALIGNED(128) tlb_state_t;

/* The ASID of a second root is that of the first plus this. */
#define USER_ASID 8

static bool may_have_asids(const quire_table_t *table)
{
    return sizeof(uintptr_t) == sizeof(uint64_t) && format_of(table)->levels >= 4;
}

static const quire_table_t *kernel_of(const quire_table_t *table)
{
    return table->kernel != NULL ? table->kernel : table;
}

static size_t generation_of(const quire_table_t *table)
{
    return __atomic_load_n(&table->generation, __ATOMIC_RELAXED);
}

/* The frame of all states, open; NULL if there is none, or this CPU has no place in it. */
static tlb_state_t *tlb_state_open(const quire_table_t *table)
{
    const quire_table_t *kernel = kernel_of(table);

    if (!may_have_asids(table) || kernel->asids.number == 0)
        return NULL;
    if (quire_port_cpu() >= QUIRE_PAGE_BYTES / sizeof(tlb_state_t))
        return NULL;
    return quire_port_window_open(kernel->asids);
}

quire_status_t quire_paging_asids_take(quire_table_t *kernel, unsigned zone)
{
    const quire_pmm_request_t request = {
        .zone = (uint8_t)zone, .owner = QUIRE_OWNER_KERNEL, .lifetime = QUIRE_LIFETIME_LONG, .zeroed = true};

    kernel->next_generations = GENERATIONS_BLOCK;
    quire_paging_generation_first(kernel);
    if (!may_have_asids(kernel) || !quire_cpu_offers_asids())
        return QUIRE_OK;
    return quire_pmm_alloc(kernel->pmm, request, &kernel->asids);
}

void quire_paging_asids_release(quire_table_t *kernel)
{
    if (kernel->asids.number != 0)
        quire_paging_frames_release(kernel, kernel->asids, 1, 0);
}

void quire_paging_generation_first(quire_table_t *table)
{
    quire_table_t *kernel = table->kernel != NULL ? table->kernel : table;

    if (may_have_asids(table))
        table->generation = __atomic_fetch_add(&kernel->next_generations, GENERATIONS_BLOCK, __ATOMIC_RELAXED);
}

static size_t next_generation(quire_table_t *table)
{
    quire_table_t *kernel = table->kernel != NULL ? table->kernel : table;
    size_t next = table->generation + 1;

    if (next % GENERATIONS_BLOCK != 0)
        return next;
    return __atomic_fetch_add(&kernel->next_generations, GENERATIONS_BLOCK, __ATOMIC_RELAXED);
}

/* Every CPU has been, or will be, asked to flush what has changed, and then holds nothing of it under any ASID. */
static bool is_flushed_for_all_asids(const quire_table_t *table)
{
    return table->kernel == NULL && !table->has_local_pages && !table->has_lost_tables && quire_cpu_keeps_global();
}

void quire_paging_generation_next(quire_table_t *table)
{
    size_t before = table->generation;

    if (!may_have_asids(table) || kernel_of(table)->asids.number == 0)
        return;
    if (!is_flushed_for_all_asids(table)) {
        /* An exchange is a full barrier: what the port then reads of who runs the tree is not older. */
        __atomic_exchange_n(&table->generation, next_generation(table), __ATOMIC_SEQ_CST);
        table->has_lost_tables = false;
    }
    tlb_state_t *window = tlb_state_open(table);
    if (window == NULL)
        return;
    tlb_state_t *tlb_state = &window[quire_port_cpu()];
    if (tlb_state->present != 0 && tlb_state->generations[tlb_state->present - 1] == before)
        tlb_state->generations[tlb_state->present - 1] = table->generation;
    quire_port_window_close(window);
}

/* The ASID with this generation, or 0. */
static unsigned asid_of(const tlb_state_t *tlb_state, size_t generation)
{
    for (unsigned i = 0; i < ASIDS; i++) {
        if (tlb_state->generations[i] == generation)
            return i + 1;
    }
    return 0;
}

/* One whose translations will be dropped: the tree's own from before, or the next in turn. */
static unsigned asid_to_take(tlb_state_t *tlb_state, uint32_t space)
{
    for (unsigned i = 0; i < ASIDS; i++) {
        if (tlb_state->spaces[i] == space && tlb_state->generations[i] != 0)
            return i + 1;
    }
    tlb_state->next = (uint8_t)(tlb_state->next % ASIDS + 1);
    return tlb_state->next;
}

static void forget_all(tlb_state_t *tlb_state, size_t kernel_generation)
{
    for (unsigned i = 0; i < ASIDS; i++)
        tlb_state->generations[i] = 0;
    tlb_state->kernel_generation = kernel_generation;
}

/* The tlb_state are locked. Returns the ASID. */
static unsigned load_with_asid(tlb_state_t *tlb_state, const quire_table_t *table)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    size_t kernel_generation = generation_of(kernel_of(table));
    size_t generation = generation_of(table);

    if (tlb_state->kernel_generation != kernel_generation)
        forget_all(tlb_state, kernel_generation);
    unsigned asid = asid_of(tlb_state, generation);
    bool keep = asid != 0;
    if (!keep)
        asid = asid_to_take(tlb_state, table->space);
    quire_cpu_load_root(quire_table_root(table), asid, keep);
    tlb_state->generations[asid - 1] = generation;
    tlb_state->spaces[asid - 1] = table->space;
    tlb_state->present = (uint8_t)asid;
    tlb_state->loads++;
    tlb_state->kept += keep;
    return asid;
}

void quire_table_load(const quire_table_t *table)
{
    unsigned asid = 0;

    if (QUIRE_CHECKS)
        quire_paging_must_carry(table);
    tlb_state_t *window = quire_cpu_uses_asids() ? tlb_state_open(table) : NULL;
    if (window == NULL) {
        quire_cpu_load_root(quire_table_root(table), 0, false);
    } else {
        tlb_state_t *tlb_state = &window[quire_port_cpu()];

        quire_port_lock(&tlb_state->lock);
        asid = load_with_asid(tlb_state, table);
        quire_port_unlock(&tlb_state->lock);
        quire_port_window_close(window);
    }
    quire_event(.kind = QUIRE_EVENT_LOAD_ROOT, .space = table->space, .frame = table->root.number, .detail = asid);
}

/* The generation says for the second root's ASID what it says for the first's, and whoever changes the tree asks this
   CPU to flush, which brings it here again before ring 3 runs on. */
static quire_table_crossing_t cross_with_asid(tlb_state_t *tlb_state, const quire_table_t *table)
{
    const uint64_t keep = (uint64_t)1 << 63;
    unsigned asid = tlb_state->present;
    size_t generation = generation_of(table);
    quire_table_crossing_t crossing = {.user = quire_pa_of_frame(table->user_root).value | asid | USER_ASID,
                                       .kernel = quire_table_root(table).value | asid | keep};

    if (tlb_state->user_generations[asid - 1] == generation)
        crossing.user |= keep;
    tlb_state->user_generations[asid - 1] = generation;
    return crossing;
}

quire_table_crossing_t quire_table_cross(const quire_table_t *table)
{
    quire_table_crossing_t crossing = {.user = quire_table_root(table).value, .kernel = quire_table_root(table).value};
    tlb_state_t *window = quire_cpu_uses_asids() ? tlb_state_open(table) : NULL;
    tlb_state_t *tlb_state = window != NULL ? &window[quire_port_cpu()] : NULL;

    if (table->user_root.number != 0) {
        crossing.user = quire_pa_of_frame(table->user_root).value;
        if (tlb_state != NULL && tlb_state->present != 0)
            crossing = cross_with_asid(tlb_state, table);
    }
    if (window != NULL)
        quire_port_window_close(window);
    return crossing;
}

quire_table_loads_t quire_table_loads(const quire_table_t *table)
{
    quire_table_loads_t loads = {0};
    tlb_state_t *window = tlb_state_open(table);

    if (window != NULL) {
        const tlb_state_t *tlb_state = &window[quire_port_cpu()];

        loads = (quire_table_loads_t){.asid = tlb_state->present, .loads = tlb_state->loads, .kept = tlb_state->kept};
        quire_port_window_close(window);
    }
    return loads;
}

quire_pa_t quire_table_root(const quire_table_t *table)
{
    return quire_pa_of_frame(table->root);
}
