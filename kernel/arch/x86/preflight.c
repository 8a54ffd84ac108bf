/* SPDX-License-Identifier: MIT */
/* preflight.c - what this CPU holds: for the check before the kernel's own tables are loaded, and for a last report. */
#include "../arch.h"

#include "../../print.h"
#include "cpu.h"

typedef struct table_register {
    uint16_t limit;
    uintptr_t base;
} __attribute__((packed)) table_register_t;

static void add_task(quire_preflight_t *preflight, const uint64_t *gdt)
{
    quire_segment_t task;
    uint16_t selector;

    __asm__("str %0" : "=r"(selector));
    if (selector == 0 || quire_segment_decode(&gdt[selector >> 3], sizeof(uintptr_t) == 8, &task) != QUIRE_OK)
        return;
    preflight->tss = (quire_va_t)task.base;
    preflight->tss_limit = (uint32_t)task.limit_bytes - 1;
}

void arch_preflight(quire_preflight_t *preflight)
{
    table_register_t gdt;
    table_register_t idt;

    __asm__("sgdt %0" : "=m"(gdt));
    __asm__("sidt %0" : "=m"(idt));
    preflight->gdt = gdt.base;
    preflight->gdt_limit = gdt.limit;
    preflight->idt = idt.base;
    preflight->idt_limit = idt.limit;
    preflight->cr0 = cpu_read_cr0();
    preflight->cr4 = cpu_read_cr4();
    preflight->known = QUIRE_KNOWN_CR0 | QUIRE_KNOWN_CR4;
    /* Two-level paging also runs on CPUs that have no such register. */
    if (quire_format_levels(&ARCH_FORMAT) > 2) {
        preflight->efer = cpu_read_msr(MSR_EFER);
        preflight->known |= QUIRE_KNOWN_EFER;
    }
    preflight->physical_bits = arch_physical_bits();
    preflight->instruction = (quire_va_t)(uintptr_t)__builtin_return_address(0);
    preflight->stack = (quire_va_t)(uintptr_t)__builtin_frame_address(0);
    add_task(preflight, (const uint64_t *)gdt.base);
}

/* tools/explain reads these names. */
void arch_print_control_registers(void)
{
    quire_preflight_t now = {0};
    uint16_t task;

    arch_preflight(&now);
    __asm__("str %0" : "=r"(task));
    print("  cr0 %zx  cr2 %zx  cr3 %zx  cr4 %llx  efer %llx\n", (size_t)cpu_read_cr0(), (size_t)cpu_read_cr2(),
          (size_t)cpu_read_cr3(), (unsigned long long)now.cr4, (unsigned long long)now.efer);
    print("  gdt %zx %x  idt %zx %x  tr %x %zx %x\n", (size_t)now.gdt, now.gdt_limit, (size_t)now.idt, now.idt_limit,
          task, (size_t)now.tss, now.tss_limit);
}
