/* SPDX-License-Identifier: MIT */
/*
 * agree.c - the library's segmentation and the machine in software judge random tables and accesses alike.
 *
 * Both are written from the manual and share no code. Random descriptors fill a GDT and an LDT; random selectors are
 * loaded into every register at both privileges, then random offsets are accessed. Outcome, vector, error code and
 * linear address must agree. Descriptors of one kind are left out: a code segment with the L bit, which outside long
 * mode is reserved.
 */
#include "test.h"

#include "../../model/model.h"

#define ENTRIES     16
#define GDT_ADDRESS 0x10000u
#define LDT_ADDRESS 0x11000u
#define LDT_INDEX   1u
#define RAM_BYTES   0x100000u
#define TABLES      200
#define LOADS       200
#define BIT_LONG    53
#define ACCESSES    4

static model_t *machine;
static uint64_t global[ENTRIES];
static uint64_t local[ENTRIES];

/* Present more often than not, of any type; limits around the edges of what is accessed. */
static uint64_t random_descriptor(void)
{
    uint64_t word = test_random();

    word &= ~((uint64_t)1 << BIT_LONG);
    if (test_random_below(4) != 0)
        word |= (uint64_t)1 << 47;
    if (test_random_below(4) != 0)
        word |= (uint64_t)1 << 44;
    if (test_random_below(2) == 0)
        word = (word & ~(uint64_t)0x008f00000000ffff) | test_random_below(0x200);
    return word;
}

static uint64_t table_descriptor(void)
{
    const quire_segment_t segment = {.kind = QUIRE_SEGMENT_LDT, .base = LDT_ADDRESS, .limit_bytes = sizeof(local)};
    uint64_t words[2];
    unsigned count;

    CHECK_OK(quire_segment_encode(&segment, words, &count));
    return words[0];
}

static void fill_tables(void)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        global[i] = i == 0 ? 0 : random_descriptor();
        local[i] = random_descriptor();
    }
    global[LDT_INDEX] = table_descriptor();
    model_set_cpl(machine, 0, 0);
    model_physical_write(machine, GDT_ADDRESS, global, sizeof(global));
    model_physical_write(machine, LDT_ADDRESS, local, sizeof(local));
    CHECK_EQUAL(model_lgdt(machine, 0, GDT_ADDRESS, sizeof(global) - 1).vector, 0);
    CHECK_EQUAL(model_lldt(machine, 0, LDT_INDEX << 3).vector, 0);
}

static model_segment_t model_register(quire_segment_register_t use)
{
    return use == QUIRE_REGISTER_CODE ? MODEL_CS : use == QUIRE_REGISTER_STACK ? MODEL_SS_REGISTER : MODEL_FS;
}

static void compare_access(const quire_segment_t *segment, quire_segment_register_t use)
{
    static const model_kind_t kinds[] = {MODEL_READ, MODEL_WRITE, MODEL_EXECUTE};
    uint32_t offset = (uint32_t)(test_random_below(2) ? test_random_below(0x300) : test_random());
    uint32_t bytes = (uint32_t)1 << test_random_below(3);
    unsigned access = use == QUIRE_REGISTER_CODE ? QUIRE_SEGMENT_EXECUTE : (unsigned)test_random_below(2);
    quire_segment_fault_t fault = {0};
    uint32_t linear = 0;
    quire_status_t status = quire_segment_translate(segment, use, offset, bytes, access, &linear, &fault);
    model_result_t result =
        model_access_segment(machine, 0, model_register(use), offset, bytes, kinds[access], MODEL_AT_CPL);

    /* Paging is off: whatever the segment lets through reaches an address, RAM or not. */
    CHECK_EQUAL(result.fault.vector, status == QUIRE_OK ? 0 : fault.vector);
    CHECK_EQUAL(result.fault.error_code, fault.error_code);
    if (status == QUIRE_OK)
        CHECK_EQUAL(result.linear, linear);
}

static void compare_load(void)
{
    const quire_segment_tables_t tables = {global, sizeof(global), local, sizeof(local)};
    quire_segment_register_t use = (quire_segment_register_t)test_random_below(3);
    unsigned current = (unsigned)test_random_below(4);
    uint16_t selector = quire_selector((unsigned)test_random_below(ENTRIES + 2), test_random_below(2) != 0,
                                       (unsigned)test_random_below(4));
    quire_segment_fault_t fault = {0};
    quire_segment_t segment;
    quire_status_t status;
    model_fault_t answer;

    model_set_cpl(machine, 0, current);
    status = quire_segment_load(&tables, selector, use, current, &segment, &fault);
    answer = model_load_segment(machine, 0, model_register(use), selector);
    CHECK_EQUAL(answer.vector, status == QUIRE_OK ? 0 : fault.vector);
    CHECK_EQUAL(answer.error_code, fault.error_code);
    for (unsigned i = 0; status == QUIRE_OK && i < ACCESSES; i++)
        compare_access(&segment, use);
}

/* A linear address need not be RAM here. */
static void ignore(void *context, const model_violation_t *violation)
{
    (void)context;
    (void)violation;
}

TEST(segmentation, library_and_machine_agree)
{
    const model_range_t ram = {0, RAM_BYTES};
    const model_config_t config = {
        .ram = &ram, .ram_ranges = 1, .cpus = 1, .features = MODEL_HAS_EVERYTHING, .on_violation = ignore};

    machine = model_create(&config);
    for (unsigned table = 0; table < TABLES * test_effort(); table++) {
        fill_tables();
        for (unsigned i = 0; i < LOADS; i++)
            compare_load();
    }
    model_destroy(machine);
}
