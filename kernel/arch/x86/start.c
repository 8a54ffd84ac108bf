/* SPDX-License-Identifier: MIT */
/* start.c - the first C: what must work before anything can go wrong readably. */
#include "../arch.h"

#include "../../boot.h"
#include "../../memory.h"
#include "../../print.h"
#include "cpu.h"

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
    static quire_memory_region_t regions[BOOT_REGIONS_MAX];

    boot_info.entry_time = entry_time;
    serial_init();
    cpu_detect();
    cpu_tables_init();
    quire_memory_map_init(&kernel_map, regions, BOOT_REGIONS_MAX);
    if (!boot_read(magic, info, peek, &boot_info, &kernel_map)) {
        print_always("quire: started by an unknown boot loader (magic number 0x%x): Multiboot 1 or 2 is needed\n",
                     magic);
        arch_exit(false, 255);
    }
    kernel_main();
}
