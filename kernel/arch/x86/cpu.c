/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - what this CPU can do, and switching it on.
 *
 * The boot code has refused a CPU without what the kernel cannot do without (large pages; PAE and NX; long mode). The
 * rest is taken where it is: nothing above this file asks. What the registers hold then: registers.c.
 */
#include "cpu.h"

#include "../arch.h"

#include "../../boot.h"
#include "../../print.h"
#include "fpu.h"
#include "registers.h"

#define VENDOR_AMD   0x68747541 /* "Auth": EBX of leaf 0 */
#define VENDOR_HYGON 0x6f677948 /* "Hygo" */

cpu_features_t cpu_features;
bool cpu_smap_enabled;

void cpu_detect(void)
{
    uint32_t basic = cpu_identify(0, 0).a;
    uint32_t vendor = cpu_identify(0, 0).b;
    uint32_t extended = cpu_identify(0x80000000, 0).a;
    cpu_id_t id = cpu_identify(1, 0);

    cpu_features.keeps_last_addresses = vendor == VENDOR_AMD || vendor == VENDOR_HYGON;
    cpu_features.pge = id.d & (1u << 13);
    cpu_features.fxsr = id.d & (1u << 24);
    cpu_features.sse = id.d & (1u << 25);
    cpu_features.pcid = (id.c & (1u << 17)) && quire_format_levels(&ARCH_FORMAT) > 3;
    cpu_features.physical_bits = id.d & (1u << 6) ? 36 : 32;
    if (basic >= 7) {
        id = cpu_identify(7, 0);
        cpu_features.smep = id.b & (1u << 7);
        cpu_features.smap = id.b & (1u << 20);
        cpu_features.umip = id.c & (1u << 2);
        cpu_features.keys = (id.c & (1u << 3)) && quire_format_keys(&ARCH_FORMAT) > 1;
    }
    if (extended >= 0x80000001)
        cpu_features.gigabyte_pages = cpu_identify(0x80000001, 0).d & (1u << 26);
    if (extended >= 0x80000008)
        cpu_features.physical_bits = cpu_identify(0x80000008, 0).a & 0xff;
}

/* PCIDs can be switched on while CR3 holds none: the boot code and the first load of the kernel's tree see to that.
   CR4.OSXSAVE stays off: then no program finds AVX, whose registers we do not switch. */
void cpu_enable_protections(void)
{
    cpu_features.pcid = cpu_features.pcid && !boot_option("nopcid", NULL, 0);
    cpu_smap_enabled = cpu_features.smap;
    cpu_write_cr4(cpu_cr4_wanted());
}

/* A program needs CPUID to find that CR4.PKE is set (OSPKE); it does not ask for XSAVE, with which we do not switch. */
bool arch_has_keys(void)
{
    return cpu_features.keys;
}

uint32_t arch_key_rights(void)
{
    return cpu_features.keys ? cpu_read_pkru() : 0;
}

void arch_set_key_rights(uint32_t rights)
{
    if (cpu_features.keys)
        cpu_write_pkru(rights);
}

/* Two-level paging has no NX, and also runs on CPUs without that register. */
static bool has_no_execute(void)
{
    return quire_format_levels(&ARCH_FORMAT) > 2 && (cpu_read_msr(MSR_EFER) & EFER_NXE) != 0;
}

void arch_show_cpu(void)
{
    static const struct {
        const char *name;
        uintptr_t bit;
    } known[] = {{"global pages", CR4_PGE}, {"SMEP", CR4_SMEP}, {"SMAP", CR4_SMAP},
                 {"UMIP", CR4_UMIP},        {"keys", CR4_PKE},  {"PCID", CR4_PCIDE}};
    uintptr_t cr4 = cpu_read_cr4();

    print("  %u bits of physical address; in use:%s%s", cpu_features.physical_bits,
          cpu_read_cr0() & CR0_WP ? " WP," : "", has_no_execute() ? " NX," : "");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (cr4 & known[i].bit)
            print(" %s,", known[i].name);
    }
    print("%s paging with %u levels\n", arch_is_isolated() ? " isolation from ring 3," : "",
          quire_format_levels(&ARCH_FORMAT));
}

bool arch_maps_at(unsigned level)
{
    return level < 3 || (level == 3 && cpu_features.gigabyte_pages);
}

unsigned arch_physical_bits(void)
{
    return cpu_features.physical_bits;
}

void arch_init(void)
{
    fpu_reset();
    pic_init();
    pit_init(100);
}

void arch_wait_for_interrupt(void)
{
    cpu_wait_for_interrupt();
}

void arch_let_interrupts_in(void)
{
    cpu_let_interrupts_in();
}

uintptr_t arch_fault_address(void)
{
    return cpu_read_cr2();
}

uint64_t arch_timestamp(void)
{
    return cpu_timestamp();
}
