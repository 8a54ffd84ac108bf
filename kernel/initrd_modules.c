/* SPDX-License-Identifier: MIT */
/*
 * initrd_modules.c - the boot loader's modules become the initial file system.
 *
 * Modules are RAM that is kept out of the PMM, so the direct map shows them. On a 32-bit machine a loader could place
 * one above the direct map; none does, and one that did is named and left alone.
 */
#include "arch/arch.h"
#include "boot.h"
#include "initrd.h"
#include "print.h"

void initrd_init(void)
{
    for (size_t i = 0; i < boot_info.module_count; i++) {
        const boot_module_t *module = &boot_info.modules[i];
        uint64_t start = module->start.value;

        if (module->refused != BOOT_NOT_REFUSED)
            continue;
        if (start >= ARCH_DIRECT_BYTES || module->bytes > ARCH_DIRECT_BYTES - start)
            print_always("quire: module %s lies above the direct map: not used\n", module->name);
        else if (initrd_add((const void *)(ARCH_DIRECT_START + (uintptr_t)start), (size_t)module->bytes) != QUIRE_OK)
            print_always("quire: module %s is not a cpio archive (newc): not used\n", module->name);
    }
}
