/* SPDX-License-Identifier: MIT */
/*
 * memory_map_kind.c - what the firmware's and the loaders' numbers for kinds of memory mean here.
 *
 * Problem: three makers of maps number the same things differently: 1 is usable in E820, reserved in Limine's map, and
 * the loader's code in EFI's. Confusing two of them hands out the firmware's memory.
 *
 * Idea: a function for each, named after the maker; the sources stand in memory_map.h. Each says usable of what its
 * source calls usable, and of nothing else, so that numbers that are yet to be invented are safe.
 *
 * Rejected: one function with the maker as an argument (a wrong constant would compile just as well).
 */
#include <quire/memory_map.h>

quire_memory_kind_t quire_memory_kind_of_e820(uint32_t type)
{
    switch (type) {
    case 0:
        return QUIRE_MEMORY_NONE;
    case 1:
        return QUIRE_MEMORY_USABLE;
    case 3:
        return QUIRE_MEMORY_ACPI_RECLAIMABLE;
    case 4:
        return QUIRE_MEMORY_ACPI_NVS;
    case 5:
        return QUIRE_MEMORY_BAD;
    default:
        return QUIRE_MEMORY_RESERVED;
    }
}

#define EFI_MEMORY_WB      ((uint64_t)1 << 3)
#define EFI_MEMORY_NV      ((uint64_t)1 << 15)
#define EFI_MEMORY_SP      ((uint64_t)1 << 18)
#define EFI_MEMORY_RUNTIME ((uint64_t)1 << 63)

/* Attributes of memory that is to become ordinary RAM. */
static bool is_ordinary(uint64_t attributes)
{
    return (attributes & (EFI_MEMORY_WB | EFI_MEMORY_NV | EFI_MEMORY_SP | EFI_MEMORY_RUNTIME)) == EFI_MEMORY_WB;
}

quire_memory_kind_t quire_memory_kind_of_efi(uint32_t type, uint64_t attributes)
{
    quire_memory_kind_t kind = QUIRE_MEMORY_RESERVED;

    switch (type) {
    case 1: /* the loader's code and data */
    case 2:
    case 3: /* the boot services' code and data */
    case 4:
        kind = QUIRE_MEMORY_LOADER;
        break;
    case 7:
        kind = QUIRE_MEMORY_USABLE;
        break;
    case 8:
        return QUIRE_MEMORY_BAD;
    case 9:
        kind = QUIRE_MEMORY_ACPI_RECLAIMABLE;
        break;
    case 10:
        return QUIRE_MEMORY_ACPI_NVS;
    default:
        break;
    }
    return is_ordinary(attributes) ? kind : QUIRE_MEMORY_RESERVED;
}

quire_memory_kind_t quire_memory_kind_of_limine(uint64_t type)
{
    switch (type) {
    case 0:
        return QUIRE_MEMORY_USABLE;
    case 2:
        return QUIRE_MEMORY_ACPI_RECLAIMABLE;
    case 3:
        return QUIRE_MEMORY_ACPI_NVS;
    case 4:
        return QUIRE_MEMORY_BAD;
    case 5:
        return QUIRE_MEMORY_LOADER;
    case 6:
        return QUIRE_MEMORY_KERNEL;
    default:
        return QUIRE_MEMORY_RESERVED;
    }
}
