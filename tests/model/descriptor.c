/* SPDX-License-Identifier: MIT */
/*
 * descriptor.c - segment descriptors from eight bytes to what a segment register holds.
 *
 * Idea: decode once, at load, as hardware does: granularity is applied here, and later checks see bytes only. Flat
 * descriptors serve as the state in which a CPU begins.
 * Sources: SDM 3.4.5 figure 3-8, tables 3-1 and 3-2; 5.2.1 for long mode.
 */
#include "internal.h"

model_descriptor_t machine_descriptor_decode(uint64_t raw, uint16_t selector)
{
    uint32_t limit = (uint32_t)(raw & 0xFFFF) | (uint32_t)(raw >> 32 & 0xF0000);
    model_descriptor_t descriptor = {.selector = selector, .usable = true};

    descriptor.base = (raw >> 16 & 0xFFFFFF) | (raw >> 32 & UINT32_C(0xFF000000));
    descriptor.type = (uint8_t)(raw >> 40 & 15);
    descriptor.code_or_data = raw >> 44 & 1;
    descriptor.dpl = (uint8_t)(raw >> 45 & 3);
    descriptor.present = raw >> 47 & 1;
    descriptor.long_mode = raw >> 53 & 1;
    descriptor.big = raw >> 54 & 1;
    descriptor.limit = raw >> 55 & 1 ? limit << 12 | 0xFFF : limit;
    return descriptor;
}

model_descriptor_t machine_descriptor_flat(model_segment_t segment, bool long_mode)
{
    model_descriptor_t descriptor = {.usable = true, .limit = UINT32_MAX, .code_or_data = true, .present = true};

    descriptor.selector = segment == MODEL_CS ? 0x08 : 0x10;
    descriptor.type = segment == MODEL_CS ? 0xB : 0x3; /* accessed; readable code, or writable data */
    descriptor.big = !(segment == MODEL_CS && long_mode);
    descriptor.long_mode = segment == MODEL_CS && long_mode;
    return descriptor;
}
