/* SPDX-License-Identifier: MIT */
/* start.c - the first C: what must work before anything can go wrong readably. */
#include "../arch.h"

#include "../../boot.h"
#include "../../print.h"
#include "cpu.h"
#include "registers.h"

_Noreturn void arch_start(uint32_t magic, uint32_t info, uint64_t entry_time);

/* Nothing but what the boot page tables map. */
static bool peek(uint64_t pa, void *to, size_t bytes)
{
    if (pa >= ARCH_BOOT_BYTES || bytes > ARCH_BOOT_BYTES - pa)
        return false;
    __builtin_memcpy(to, (const void *)(ARCH_DIRECT_START + (uintptr_t)pa), bytes);
    return true;
}

void arch_start(uint32_t magic, uint32_t info, uint64_t entry_time)
{
    boot_info.entry_time = entry_time;
    serial_init();
    cpu_detect();
    cpu_tables_init();
    cpu_registers_load();
    if (!boot_read(magic, info, peek, &boot_info)) {
        print_always("quire: started by an unknown boot loader (magic number 0x%x): Multiboot 1 or 2 is needed\n",
                     magic);
        arch_exit(false, 255);
    }
    kernel_main();
}
