/* SPDX-License-Identifier: MIT */
/* start.c - the first C: what must work before anything can go wrong readably. */
#include "../arch.h"

#include "../../boot.h"
#include "../../memory.h"
#include "../../print.h"
#include "../../random.h"
#include "cpu.h"
#include "registers.h"

/* What the compiler puts below return addresses, and looks at again before it follows them. */
uintptr_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
    print_always("quire: a stack frame was overwritten, in the function that 0x%zx lies in\n",
                 (size_t)__builtin_return_address(0));
    quire_port_panic("the kernel wrote over its own stack");
}

/* The canary changes while it runs, so it has none of its own; it does not return. */
__attribute__((no_stack_protector)) _Noreturn void arch_start(uint32_t magic, uint32_t info, uint64_t entry_time);

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
    uintptr_t canary;

    boot_info.entry_time = entry_time;
    serial_init();
    cpu_detect();
    cpu_tables_init();
    cpu_registers_load();
    random_init();
    random_bytes(&canary, sizeof(canary));
    __stack_chk_guard = canary & ~(uintptr_t)0xff; /* no string is copied over a zero byte */
    quire_memory_map_init(&kernel_map, regions, BOOT_REGIONS_MAX);
    if (!boot_read(magic, info, peek, &boot_info, &kernel_map)) {
        print_always("quire: started by an unknown boot loader (magic number 0x%x): Multiboot 1 or 2 is needed\n",
                     magic);
        arch_exit(false, 255);
    }
    random_add(&boot_info.entry_time, sizeof(boot_info.entry_time));
    kernel_main();
}
