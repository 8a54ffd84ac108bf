/* SPDX-License-Identifier: MIT */
/*
 * firmware.c - maps that real machines have given, in every rotation and many shuffles of their entries, against an
 * oracle that knows nothing of regions.
 *
 * The oracle cuts the address space at every place where an entry begins or ends, and asks all entries about each part:
 * the highest kind that any of them claims. The map must say the same of each byte, whatever the order; sums by kind
 * agree to the byte; and with too little room nothing becomes usable that is not.
 */
#include "test.h"

typedef struct entry {
    uint64_t start;
    uint64_t bytes;
    uint32_t type; /* of E820; 105 and 106: Limine's own, the loader's, and executable and modules */
} entry_t;

/* Intel D875PBZ */
static const entry_t d875pbz[] = {{0x0, 0x9fc00, 1},         {0x9fc00, 0x400, 2},      {0xe6000, 0x1a000, 2},
                                  {0x100000, 0x1fd30000, 1}, {0x1fe30000, 0x11810, 4}, {0x1fe41810, 0xee7f0, 1},
                                  {0x1ff30000, 0x10000, 3},  {0x1ff40000, 0xb0000, 4}, {0x1fff0000, 0x10000, 2},
                                  {0xfecf0000, 0x1000, 2},   {0xfed20000, 0x80000, 2}};

/* HP ProLiant DL360 Gen9 */
static const entry_t dl360g9[] = {
    {0x0, 0x93000, 1},         {0x93000, 0x1000, 2},       {0x94000, 0xc000, 1},        {0x100000, 0x6ada1000, 1},
    {0x6aea1000, 0x600000, 2}, {0x6b4a1000, 0x1000, 1},    {0x6b4a2000, 0x81000, 2},    {0x6b523000, 0xcfdc000, 1},
    {0x784ff000, 0x400000, 2}, {0x788ff000, 0x800000, 20}, {0x790ff000, 0x100000, 2},   {0x791ff000, 0x2400000, 4},
    {0x7b5ff000, 0x200000, 3}, {0x7b7ff000, 0x1000, 1},    {0x80000000, 0x10000000, 2}, {0x100000000, 0x780000000, 1}};

/* a PC of QEMU under Limine */
static const entry_t limine517[] = {{0x1000, 0x51000, 105},    {0x52000, 0x4d000, 1},      {0x9fc00, 0x400, 2},
                                    {0xf0000, 0x10000, 2},     {0x100000, 0x7fe1b000, 1},  {0x7ff1b000, 0x3000, 105},
                                    {0x7ff1e000, 0x8000, 106}, {0x7ff26000, 0x1a000, 105}, {0x7ff40000, 0x1000, 1},
                                    {0x7ff41000, 0x2000, 105}, {0x7ff43000, 0x1b000, 1},   {0x7ff5e000, 0x81000, 105},
                                    {0x7ffdf000, 0x21000, 2},  {0xb0000000, 0x10000000, 2}};

/* MacBook10,1 */
static const entry_t macbook10[] = {
    {0x0, 0x58000, 1},         {0x58000, 0x1000, 2},       {0x59000, 0x45000, 1},
    {0x9e000, 0x62000, 2},     {0x100000, 0x83cc2000, 1},  {0x83dc2000, 0x202000, 2},
    {0x83fc4000, 0xcf7000, 1}, {0x84cbb000, 0x1000, 4},    {0x84cbc000, 0x1000, 2},
    {0x84cbd000, 0x291000, 1}, {0x84f4e000, 0x1000, 2},    {0x84f4f000, 0x5c50000, 1},
    {0x8ab9f000, 0x390000, 2}, {0x8af2f000, 0x50000, 4},   {0x8af7f000, 0x80000, 3},
    {0x8afff000, 0x1000, 1},   {0x8b000000, 0x5000000, 2}, {0xe0000000, 0x10000000, 2},
    {0xfe010000, 0x1000, 2},   {0xff939000, 0x30000, 2},   {0x100000000, 0x16f000000, 1}};

/* MacBook2,1 */
static const entry_t macbook2[] = {{0x0, 0x9fc00, 1},          {0x9fc00, 0x400, 2},       {0xe0000, 0x20000, 2},
                                   {0x100000, 0x7dff8000, 1},  {0x7e0f8000, 0x201000, 4}, {0x7e2f9000, 0xbc5000, 3},
                                   {0x7eebe000, 0x31000, 4},   {0x7eeef000, 0x11000, 3},  {0x7ef00000, 0x1100000, 2},
                                   {0xf0000000, 0x4000000, 2}, {0xfec00000, 0x1000, 2},   {0xfed14000, 0x6000, 2},
                                   {0xfed1c000, 0x4000, 2},    {0xfee00000, 0x1000, 2},   {0xffe00000, 0x200000, 2}};

/* a machine started by another kernel */
static const entry_t reused[] = {{0x0, 0x1000, 2},          {0x1000, 0x5f000, 1},      {0x60000, 0x8000, 2},
                                 {0x68000, 0x38000, 1},     {0xa0000, 0x60000, 4},     {0x100000, 0x700000, 1},
                                 {0x800000, 0x358000, 2},   {0xb58000, 0x7e2a8000, 1}, {0x7ee00000, 0x200000, 2},
                                 {0x7f000000, 0x700000, 4}, {0x7f700000, 0x100000, 2}, {0x7f800000, 0x10800000, 4},
                                 {0xfbffc000, 0x2000, 4},   {0xfeb00000, 0x10000, 4},  {0xfeb80000, 0x1a0000, 4}};

/* a PC with a Ryzen */
static const entry_t ryzen[] = {
    {0x0, 0x9d400, 1},          {0x9d400, 0x2c00, 2},         {0xe0000, 0x20000, 2},     {0x100000, 0x9c80000, 1},
    {0x9d80000, 0x280000, 2},   {0xa000000, 0xd32b4000, 1},   {0xdd2b4000, 0x119000, 2}, {0xdd3cd000, 0xf3000, 1},
    {0xdd4c0000, 0x3d2000, 4},  {0xdd892000, 0xb57000, 2},    {0xde3e9000, 0xc17000, 1}, {0xdf000000, 0x1000000, 2},
    {0xf8000000, 0x4000000, 2}, {0xfdf00000, 0x100000, 2},    {0xfea00000, 0x10000, 2},  {0xfeb80000, 0x82000, 2},
    {0xfec10000, 0x1000, 2},    {0xfec30000, 0x1000, 2},      {0xfed00000, 0x1000, 2},   {0xfed40000, 0x5000, 2},
    {0xfed80000, 0x10000, 2},   {0xfedc2000, 0xe000, 2},      {0xfedd4000, 0x2000, 2},   {0xfee00000, 0x100000, 2},
    {0xff000000, 0x1000000, 2}, {0x100000000, 0x71f380000, 1}};

typedef struct machine {
    const entry_t *entries;
    size_t count;
} machine_t;

#define MACHINE(entries)                                                                                               \
    {                                                                                                                  \
        entries, sizeof(entries) / sizeof(entries[0])                                                                  \
    }
static const machine_t machines[] = {MACHINE(d875pbz),  MACHINE(dl360g9), MACHINE(limine517), MACHINE(macbook10),
                                     MACHINE(macbook2), MACHINE(reused),  MACHINE(ryzen)};

#define MACHINES    (sizeof(machines) / sizeof(machines[0]))
#define ENTRIES_MAX 64

static quire_memory_region_t storage[3 * ENTRIES_MAX];
static quire_memory_map_t map;
static uint64_t cuts[2 * ENTRIES_MAX];
static size_t cut_count;

static quire_memory_kind_t kind_of(uint32_t type)
{
    return type >= 100 ? quire_memory_kind_of_limine(type - 100) : quire_memory_kind_of_e820(type);
}

/* --- the oracle --- */

static quire_memory_kind_t truth(const machine_t *machine, uint64_t address)
{
    quire_memory_kind_t best = QUIRE_MEMORY_NONE;

    for (size_t at = 0; at < machine->count; at++) {
        const entry_t *entry = &machine->entries[at];
        if (address >= entry->start && address - entry->start < entry->bytes && kind_of(entry->type) > best)
            best = kind_of(entry->type);
    }
    return best;
}

static void add_cut(uint64_t address)
{
    size_t at = cut_count++;

    for (; at > 0 && cuts[at - 1] > address; at--)
        cuts[at] = cuts[at - 1];
    cuts[at] = address;
}

static void cut(const machine_t *machine)
{
    cut_count = 0;
    for (size_t at = 0; at < machine->count; at++) {
        add_cut(machine->entries[at].start);
        add_cut(machine->entries[at].start + machine->entries[at].bytes);
    }
}

/* --- the map --- */

static quire_memory_kind_t told(uint64_t address)
{
    for (size_t at = 0; at < map.count; at++) {
        if (map.regions[at].start <= address && address < map.regions[at].end)
            return map.regions[at].kind;
    }
    return QUIRE_MEMORY_NONE;
}

static void load(const machine_t *machine, const size_t *order, size_t capacity)
{
    quire_memory_map_init(&map, storage, capacity);
    for (size_t at = 0; at < machine->count; at++) {
        const entry_t *entry = &machine->entries[order[at]];
        quire_status_t status = quire_memory_map_add(&map, quire_pa(entry->start), entry->bytes, kind_of(entry->type));
        CHECK(status == QUIRE_OK || (map.truncated && status == QUIRE_NO_MEMORY));
        CHECK_OK(quire_memory_map_check(&map));
    }
}

static void check_exact(const machine_t *machine)
{
    uint64_t sums[QUIRE_MEMORY_KINDS] = {0};

    CHECK(!map.truncated);
    for (size_t at = 0; at + 1 < cut_count; at++) {
        quire_memory_kind_t kind = truth(machine, cuts[at]);
        if (cuts[at] == cuts[at + 1])
            continue;
        CHECK_EQUAL(told(cuts[at]), kind);
        CHECK_EQUAL(told(cuts[at + 1] - 1), kind);
        sums[kind] += cuts[at + 1] - cuts[at];
    }
    CHECK_EQUAL(told(cuts[cut_count - 1]), QUIRE_MEMORY_NONE);
    for (unsigned kind = QUIRE_MEMORY_USABLE; kind < QUIRE_MEMORY_KINDS; kind++)
        CHECK_EQUAL(quire_memory_map_bytes(&map, 0, UINT64_MAX, (quire_memory_kind_t)kind), sums[kind]);
}

static void check_safe(const machine_t *machine)
{
    for (size_t at = 0; at + 1 < cut_count; at++) {
        if (cuts[at] == cuts[at + 1])
            continue;
        quire_memory_kind_t kind = truth(machine, cuts[at]);
        CHECK(told(cuts[at]) != QUIRE_MEMORY_USABLE || kind == QUIRE_MEMORY_USABLE);
        CHECK(told(cuts[at + 1] - 1) != QUIRE_MEMORY_USABLE || kind == QUIRE_MEMORY_USABLE);
        if (kind > QUIRE_MEMORY_USABLE)
            CHECK_EQUAL(quire_memory_map_bytes(&map, cuts[at], cuts[at + 1], QUIRE_MEMORY_USABLE), 0);
    }
}

TEST(memory_map, firmware_in_every_rotation)
{
    for (size_t number = 0; number < MACHINES; number++) {
        const machine_t *machine = &machines[number];
        size_t order[ENTRIES_MAX];
        cut(machine);
        for (size_t first = 0; first < 2 * machine->count; first++) {
            for (size_t at = 0; at < machine->count; at++) {
                order[at] = (first + at) % machine->count;
                if (first >= machine->count)
                    order[at] = machine->count - 1 - order[at];
            }
            load(machine, order, 3 * ENTRIES_MAX);
            check_exact(machine);
        }
    }
}

TEST(memory_map, firmware_in_any_order)
{
    for (unsigned run = 0; run < 100 * test_effort(); run++) {
        const machine_t *machine = &machines[run % MACHINES];
        size_t order[ENTRIES_MAX];
        cut(machine);
        for (size_t at = 0; at < machine->count; at++) {
            size_t other = (size_t)test_random_below(at + 1);
            order[at] = order[other];
            order[other] = at;
        }
        load(machine, order, 3 * ENTRIES_MAX);
        check_exact(machine);
        load(machine, order, 4 + (size_t)test_random_below(machine->count));
        check_safe(machine);
    }
}

/* What the map keeps out and names as RAM can be given to a PMM later, every frame of it. */
TEST(memory_map, firmware_keeps_nothing_for_ever)
{
    for (size_t number = 0; number < MACHINES; number++) {
        const machine_t *machine = &machines[number];
        static quire_pmm_t pmm;
        quire_pmm_stats_t stats;
        size_t order[ENTRIES_MAX];

        for (size_t at = 0; at < machine->count; at++)
            order[at] = at;
        load(machine, order, 3 * ENTRIES_MAX);
        /* The rest is no other than of a large machine, and costs more memory than a test has. */
        quire_pa_t limit = quire_pa((uint64_t)1 << 31);
        size_t bytes = quire_pmm_metadata_bytes(&map, limit);
        CHECK_OK(quire_pmm_init(&pmm, &map, limit, test_memory(bytes), bytes));
        for (size_t at = 0; at < map.count; at++) {
            quire_memory_region_t region = map.regions[at];
            uint64_t first;
            if (region.kind == QUIRE_MEMORY_USABLE || region.kind > QUIRE_MEMORY_METADATA || region.end > limit.value)
                continue;
            region.kind = QUIRE_MEMORY_USABLE;
            uint64_t frames = quire_memory_map_frames(&region, &first);
            quire_pmm_stats(&pmm, &stats);
            size_t before = stats.free_frames;
            CHECK_OK(quire_pmm_add(&pmm, quire_pa(region.start), region.end - region.start));
            quire_pmm_stats(&pmm, &stats);
            CHECK_EQUAL(stats.free_frames, before + frames);
        }
        CHECK_OK(quire_pmm_check(&pmm));
    }
}
