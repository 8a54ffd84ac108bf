/* SPDX-License-Identifier: MIT */
/* descriptors.c - filling the CPU's tables with what mm/segmentation encodes. */
#include "descriptors.h"

#include <quire/port.h>

void descriptor_put(uint64_t *gdt, uint16_t selector, const quire_segment_t *segment)
{
    unsigned count;

    if (quire_segment_encode(segment, &gdt[selector >> 3], &count) != QUIRE_OK)
        quire_port_panic("the kernel describes a segment that the CPU would refuse");
}

void gate_put(uint64_t *idt, unsigned vector, const quire_gate_t *gate)
{
    unsigned words = gate->long_mode ? 2 : 1;
    unsigned count;

    if (quire_gate_encode(gate, &idt[vector * words], &count) != QUIRE_OK)
        quire_port_panic("the kernel describes a gate that the CPU would refuse");
}
