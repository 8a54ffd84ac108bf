/* SPDX-License-Identifier: MIT */
/* registers.h - the registers of this CPU that decide about protection, and what each must hold. Private to
 * kernel/arch and its tests. */
#ifndef KERNEL_ARCH_REGISTERS_H
#define KERNEL_ARCH_REGISTERS_H

#include <quire/types.h>

/* Loads every one of them. After the descriptor tables: a register that a CPU lacks is found out by a fault. */
void cpu_registers_load(void);

/* CR4 as it shall be once the kernel's own page tables are in CR3. */
uintptr_t cpu_cr4_wanted(void);

typedef struct cpu_register_state {
    const char *name;
    const char *why;
    uint64_t wanted; /* of the bits judged */
    uint64_t actual; /* likewise */
} cpu_register_state_t;

/* By number, from 0 on. False: there are no more. *exists: whether this CPU has it; the state is filled in then. */
bool cpu_register_state(size_t number, bool *exists, cpu_register_state_t *state);

/* False: this CPU has no such register; *value stays as it was. */
bool cpu_try_read_msr(uint32_t msr, uint64_t *value);
bool cpu_try_write_msr(uint32_t msr, uint64_t value);

/* For arch_fix_return(): where an instruction that may fault goes on; 0: it is none of those above. */
uintptr_t cpu_fix_try(uintptr_t instruction);

#endif
