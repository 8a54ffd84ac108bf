/* SPDX-License-Identifier: MIT */
/* boot_report.c - in words, what of the boot loader's information could not be used, and why. */
#include "boot.h"
#include "print.h"

static const char *refusal(boot_refusal_t refused)
{
    switch (refused) {
    case BOOT_NO_RAM:
        return "there is no memory there";
    case BOOT_RESERVED:
        return "part of it lies in memory that the firmware keeps for itself";
    case BOOT_OVER_KERNEL:
        return "it overlaps the kernel";
    case BOOT_OVER_MODULE:
        return "it overlaps another module";
    case BOOT_OUT_OF_REACH:
        return "this machine cannot address all of it";
    case BOOT_NOT_REFUSED:
        break;
    }
    return "no reason";
}

/* A loader may put the modules behind the kernel whether there is RAM or not. */
static void report_modules(void)
{
    for (size_t i = 0; i < boot_info.module_count; i++) {
        const boot_module_t *module = &boot_info.modules[i];

        if (module->refused == BOOT_NO_RAM)
            quire_port_panic("this machine has too little memory for the kernel and its files");
        if (module->refused != BOOT_NOT_REFUSED)
            print_always("quire: boot module %s at 0x%llx, %llu bytes, is not used: %s\n", module->name,
                         (unsigned long long)module->start.value, (unsigned long long)module->bytes,
                         refusal(module->refused));
    }
    if (boot_info.modules_more != 0)
        print_always("quire: %zu boot modules more than %u: not used\n", boot_info.modules_more, BOOT_MODULES_MAX);
    if (boot_info.modules_wrong != 0)
        print_always("quire: %zu boot modules end before they begin: not used\n", boot_info.modules_wrong);
}

void boot_report(const boot_findings_t *findings, uint64_t limit, const quire_memory_map_t *map)
{
    report_modules();
    if (boot_info.map_doubtful)
        print_always("quire: the boot loader's memory map cannot be read to its end: only memory up to the first hole "
                     "is used\n");
    if (map->truncated)
        print_always(
            "quire: the memory map has more than %u parts: what lies beside those that did not fit is not used\n",
            BOOT_REGIONS_MAX);
    if (boot_info.command_line_cut)
        print_always("quire: the command line is longer than %zu bytes: the rest is not read\n",
                     sizeof(boot_info.command_line) - 1);
    if (findings->image_bytes != 0)
        print_always("quire: %llu KiB of the kernel lie in memory that the firmware does not give away\n",
                     (unsigned long long)(findings->image_bytes >> 10));
    if (findings->stray_bytes != 0)
        print_always("quire: %llu KiB far from all other memory are called usable: skipped\n",
                     (unsigned long long)(findings->stray_bytes >> 10));
    if (findings->out_of_reach_bytes != 0)
        print(
            "quire: %llu KiB of RAM lie at or above %llu GiB, out of this machine's or this kernel's reach: skipped\n",
            (unsigned long long)(findings->out_of_reach_bytes >> 10), (unsigned long long)(limit >> 30));
}
