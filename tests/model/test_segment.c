/* SPDX-License-Identifier: MIT */
/*
 * test_segment.c - limits, types, bases, and the faults they give at each access. SDM 5.3 to 5.5.
 */
#include "test_fixture.h"

enum { DATA = 0x2, EXPAND_DOWN = 0x6, READ_ONLY = 0x0, CODE = 0x8, READABLE_CODE = 0xA };

static model_t *with_segment(model_segment_t which, uint8_t type, uint64_t base, uint32_t limit, bool big)
{
    model_t *machine = fixture_start(MODEL_PAGING_OFF);
    model_descriptor_t descriptor = {.selector = 0x20,
                                     .usable = true,
                                     .base = base,
                                     .limit = limit,
                                     .type = type,
                                     .code_or_data = true,
                                     .present = true,
                                     .big = big};

    model_set_segment(machine, 0, which, descriptor);
    return machine;
}

static model_result_t through(model_segment_t which, uint64_t offset, uint32_t bytes, model_kind_t kind)
{
    return model_access_segment(fixture.machine, 0, which, offset, bytes, kind, MODEL_AT_CPL);
}

static bool good(model_segment_t which, uint64_t offset, uint32_t bytes)
{
    return !through(which, offset, bytes, MODEL_READ).fault.raised;
}

/* SDM 3.4: linear = base + offset, modulo 4 GiB. */
TEST(model, segment_base)
{
    with_segment(MODEL_FS, DATA, 0x300000, UINT32_MAX, true);
    CHECK_EQUAL(through(MODEL_FS, 0x1234, 1, MODEL_READ).linear, 0x301234);
    CHECK_EQUAL(through(MODEL_FS, 0xFFFFFFFF, 1, MODEL_READ).linear, 0x2FFFFF);
}

/* SDM 5.3: every byte must be at or below the limit. */
TEST(model, segment_limit)
{
    with_segment(MODEL_DS, DATA, 0, 0xFFF, true);
    CHECK(good(MODEL_DS, 0xFFF, 1));
    CHECK(good(MODEL_DS, 0xFFC, 4));
    CHECK_FAULT(through(MODEL_DS, 0xFFD, 4, MODEL_READ).fault, MODEL_GP, 0);
    CHECK_FAULT(through(MODEL_DS, 0x1000, 1, MODEL_WRITE).fault, MODEL_GP, 0);
    CHECK_FAULT(through(MODEL_DS, 0xFFFFFFFF, 1, MODEL_READ).fault, MODEL_GP, 0);
}

/* SDM 6.15: through SS the same is #SS(0). */
TEST(model, stack_limit)
{
    with_segment(MODEL_SS_REGISTER, DATA, 0, 0xFFF, true);
    CHECK_FAULT(through(MODEL_SS_REGISTER, 0x1000, 4, MODEL_WRITE).fault, MODEL_SS, 0);
}

/* SDM 5.3: an expand-down segment holds the offsets above its limit, up to FFFFH or FFFFFFFFH. */
TEST(model, expand_down)
{
    with_segment(MODEL_DS, EXPAND_DOWN, 0, 0xFFF, true);
    CHECK_FAULT(through(MODEL_DS, 0xFFF, 1, MODEL_READ).fault, MODEL_GP, 0);
    CHECK(good(MODEL_DS, 0x1000, 4));
    CHECK(good(MODEL_DS, 0xFFFFFFFC, 4));
    CHECK_FAULT(through(MODEL_DS, 0xFFFFFFFD, 4, MODEL_READ).fault, MODEL_GP, 0);
    with_segment(MODEL_DS, EXPAND_DOWN, 0, 0xFFF, false);
    CHECK(good(MODEL_DS, 0xFFFC, 4));
    CHECK_FAULT(through(MODEL_DS, 0xFFFD, 4, MODEL_READ).fault, MODEL_GP, 0);
}

/* SDM 5.3: a flat segment does not wrap either. */
TEST(model, flat_segment_does_not_wrap)
{
    with_segment(MODEL_DS, DATA, 0, UINT32_MAX, true);
    CHECK(good(MODEL_DS, 0xFFFFFFFC, 4));
    CHECK_FAULT(through(MODEL_DS, 0xFFFFFFFD, 4, MODEL_READ).fault, MODEL_GP, 0);
}

/* SDM 5.5: writing to read-only data or code, reading execute-only code. */
TEST(model, segment_types)
{
    with_segment(MODEL_DS, READ_ONLY, 0, UINT32_MAX, true);
    CHECK(good(MODEL_DS, 0x1000, 1));
    CHECK_FAULT(through(MODEL_DS, 0x1000, 1, MODEL_WRITE).fault, MODEL_GP, 0);
    with_segment(MODEL_CS, CODE, 0, UINT32_MAX, true);
    CHECK_FAULT(through(MODEL_CS, 0x1000, 1, MODEL_READ).fault, MODEL_GP, 0);
    CHECK(!through(MODEL_CS, 0x1000, 1, MODEL_EXECUTE).fault.raised);
    with_segment(MODEL_CS, READABLE_CODE, 0, UINT32_MAX, true);
    CHECK(good(MODEL_CS, 0x1000, 1));
    CHECK_FAULT(through(MODEL_CS, 0x1000, 1, MODEL_WRITE).fault, MODEL_GP, 0);
}

/* SDM 5.3: the limit of CS holds for fetches. */
TEST(model, code_limit)
{
    with_segment(MODEL_CS, READABLE_CODE, 0, 0x1FFF, true);
    CHECK(!through(MODEL_CS, 0x1FFF, 1, MODEL_EXECUTE).fault.raised);
    CHECK_FAULT(through(MODEL_CS, 0x1FFF, 2, MODEL_EXECUTE).fault, MODEL_GP, 0);
}

/* SDM 5.4.1: a null selector loads, and faults when used. */
TEST(model, null_selector)
{
    model_t *machine = fixture_start(MODEL_PAGING_OFF);

    CHECK_DONE(model_load_segment(machine, 0, MODEL_ES, 3));
    CHECK_FAULT(through(MODEL_ES, 0, 1, MODEL_READ).fault, MODEL_GP, 0);
    CHECK_FAULT(model_load_segment(machine, 0, MODEL_SS_REGISTER, 0), MODEL_GP, 0);
    CHECK_FAULT(model_load_segment(machine, 0, MODEL_CS, 0), MODEL_GP, 0);
}

/* Segmentation comes first: no page fault where the limit already forbids the access. */
TEST(model, segment_before_page)
{
    model_t *machine = fixture_start(MODEL_PAGING_32);
    model_descriptor_t data = model_get_segment(machine, 0, MODEL_DS);

    CHECK_PF(through(MODEL_DS, 0x5000, 1, MODEL_READ), 0);
    data.limit = 0xFFF;
    model_set_segment(machine, 0, MODEL_DS, data);
    CHECK_FAULT(through(MODEL_DS, 0x5000, 1, MODEL_READ).fault, MODEL_GP, 0);
}

/* SDM 3.4.4 and 5.3.1: in 64-bit mode no limits, no types; bases for FS and GS only; canonical form instead. */
TEST(model, segments_in_64_bit_mode)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    uint64_t frame = new_frame();
    model_descriptor_t odd = {.usable = true, .base = 0x1000, .limit = 0, .type = READ_ONLY, .code_or_data = true};

    entry_put(0x400000, 1, frame | PWU);
    model_set_segment(machine, 0, MODEL_DS, odd);
    model_set_segment(machine, 0, MODEL_FS, odd);
    CHECK_EQUAL(through(MODEL_DS, 0x400000, 8, MODEL_WRITE).piece[0].pa, frame);
    CHECK_EQUAL(through(MODEL_FS, 0x3FF000, 8, MODEL_WRITE).piece[0].pa, frame);
    CHECK_FAULT(through(MODEL_DS, UINT64_C(1) << 47, 1, MODEL_READ).fault, MODEL_GP, 0);
    CHECK_FAULT(through(MODEL_SS_REGISTER, UINT64_C(1) << 47, 1, MODEL_READ).fault, MODEL_SS, 0);
    CHECK_DONE(model_load_segment(machine, 0, MODEL_SS_REGISTER, 0));
}

/* SDM 5.2.1: with CS.L clear, compatibility mode: limits are back, and addresses have 32 bits. */
TEST(model, segments_in_compatibility_mode)
{
    model_t *machine = fixture_start(MODEL_PAGING_4_LEVEL);
    model_descriptor_t code = model_get_segment(machine, 0, MODEL_CS);
    uint64_t frame = new_frame();

    entry_put(0x400000, 1, frame | PWU);
    code.long_mode = false;
    model_set_segment(machine, 0, MODEL_CS, code);
    model_descriptor_t data = {
        .usable = true, .base = 0xFFFFF000, .limit = 0x401FFF, .type = DATA, .code_or_data = true, .big = true};
    model_set_segment(machine, 0, MODEL_DS, data);
    CHECK_EQUAL(through(MODEL_DS, 0x401000, 4, MODEL_READ).piece[0].pa, frame);
    CHECK_FAULT(through(MODEL_DS, 0x402000, 1, MODEL_READ).fault, MODEL_GP, 0);
}
