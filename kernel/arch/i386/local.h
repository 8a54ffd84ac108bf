/* SPDX-License-Identifier: MIT */
/* local.h - the LDT of the process that runs. Private to kernel/arch/i386. */
#ifndef KERNEL_ARCH_LOCAL_H
#define KERNEL_ARCH_LOCAL_H

#include <quire/segmentation.h>

/* The descriptor of a table, which stays the caller's. */
uint64_t local_table_describe(const uint64_t *table, size_t bytes);

/* From here on ring 3 has what that table names, and no flat segments. */
void local_table_load(uint64_t descriptor);

/* No LDT, and the flat segments again. */
void local_table_unload(void);

/* The GDT, for quire_segment_load(); `local` is empty. */
quire_segment_tables_t global_table(void);

/* entry.S: where the call gate of every such LDT leads. */
void segment_gate_entry(void);

#endif
