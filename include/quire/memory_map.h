/* SPDX-License-Identifier: MIT */
/*
 * memory_map.h - what the firmware says of physical memory, made trustworthy.
 *
 * Firmware maps come unsorted, overlapping, unaligned and sometimes absurd. A quire_memory_map_t is always sorted,
 * without overlaps, with neighbours of one kind merged: where entries overlap, the higher kind wins, so that a reserved
 * byte is never usable. Regions are byte ranges; quire_memory_map_frames() trims a usable region inward to whole
 * frames.
 *
 * It is also the boot allocator: quire_memory_map_take() takes memory out of the usable regions before there is a PMM.
 * quire_pmm_init() reads the map and seals it: later takes answer QUIRE_DENIED.
 */
#ifndef QUIRE_MEMORY_MAP_H
#define QUIRE_MEMORY_MAP_H

#include <quire/types.h>

/* In order of precedence: on an overlap the higher value wins. */
typedef enum quire_memory_kind {
    QUIRE_MEMORY_NONE = 0, /* no kind: nobody's memory, or not to be told */
    QUIRE_MEMORY_USABLE,
    QUIRE_MEMORY_ACPI_RECLAIMABLE, /* usable once the ACPI tables have been read */
    QUIRE_MEMORY_LOADER,           /* boot information, usable once it has been read */
    QUIRE_MEMORY_MODULE,           /* an initial file system and the like */
    QUIRE_MEMORY_KERNEL,           /* the kernel's image */
    QUIRE_MEMORY_METADATA,         /* taken by quire_memory_map_take() */
    QUIRE_MEMORY_ACPI_NVS,
    QUIRE_MEMORY_RESERVED, /* reserved by firmware, or of a type we do not know */
    QUIRE_MEMORY_BAD,
    QUIRE_MEMORY_KINDS,
} quire_memory_kind_t;

typedef struct quire_memory_region {
    uint64_t start; /* bytes, physical */
    uint64_t end;   /* exclusive; UINT64_MAX stands for the top of the 64-bit space */
    quire_memory_kind_t kind;
} quire_memory_region_t;

typedef struct quire_memory_map {
    quire_memory_region_t *regions; /* the caller's array: sorted, disjoint, merged */
    size_t count;
    size_t capacity;
    bool sealed;
    bool truncated; /* the array was too small: what did not fit was made unusable, never usable */
} quire_memory_map_t;

const char *quire_memory_kind_name(quire_memory_kind_t kind);

/* `storage` holds `capacity` (at least 4) regions and must outlive the map. */
void quire_memory_map_init(quire_memory_map_t *map, quire_memory_region_t *storage, size_t capacity);

/* Adds [start, start + bytes). An empty range is ignored; a range that wraps is cut at the top. QUIRE_NO_MEMORY: the
   array is full; the map stays correct in that no byte added as anything but usable is usable.
   QUIRE_DENIED: sealed. QUIRE_INVALID: no such kind. */
quire_status_t quire_memory_map_add(quire_memory_map_t *map, quire_pa_t start, uint64_t bytes,
                                    quire_memory_kind_t kind) QUIRE_MUST_CHECK;

/* --- the kind of a raw entry: ask the function of whoever wrote the map, for their numbers contradict each other ---

   What a number does not say to be usable is not: unknown ones are reserved. QUIRE_MEMORY_NONE is the answer to a
   number that this kind of map cannot hold, which tells that the map is of another kind; quire_memory_map_add() refuses
   it. */

/* E820, and Multiboot, which has the same numbers (ACPI 6.5, 15, "Address Range Types"): 1 usable, 3 ACPI reclaimable,
   4 non-volatile, 5 bad. Persistent, disabled, unaccepted and vendors' memory, and what is not defined, is reserved, as
   ACPI demands. 0 is no number of E820, but usable memory in a map of Limine's, whose reserved memory would be usable
   here: QUIRE_MEMORY_NONE. */
quire_memory_kind_t quire_memory_kind_of_e820(uint32_t type);

/* A descriptor of EFI's GetMemoryMap, once ExitBootServices() has succeeded (UEFI 2.10, 7.2, "Memory Type Usage after
   EFI_BOOT_SERVICES.ExitBootServices()", and the attributes there). Conventional memory is usable if it can be cached
   for writing (EFI_MEMORY_WB) and is neither persistent (NV) nor set aside for a purpose (SP). The loader's and the
   boot services' memory is QUIRE_MEMORY_LOADER: the page tables and the stack that the firmware left you on lie in it.
   Memory with EFI_MEMORY_RUNTIME is the firmware's whatever its type; persistent and unaccepted memory is reserved. */
quire_memory_kind_t quire_memory_kind_of_efi(uint32_t type, uint64_t attributes);

/* An entry of the Limine boot protocol's memory map ("Memory Map Feature"): 0 usable, 2 ACPI reclaimable, 3
   non-volatile, 4 bad, 5 the loader's, 6 executable and modules (QUIRE_MEMORY_KERNEL); any other reserved. */
quire_memory_kind_t quire_memory_kind_of_limine(uint64_t type);

/* Takes `bytes` of usable memory, aligned to `align` (a power of two, at least a page), wholly below `limit`, as high
   as possible below it, never frame 0; the memory becomes QUIRE_MEMORY_METADATA. */
quire_status_t quire_memory_map_take(quire_memory_map_t *map, uint64_t bytes, uint64_t align, quire_pa_t limit,
                                     quire_pa_t *pa) QUIRE_MUST_CHECK;

/* The whole frames of a region: usable ones are trimmed inward (frame 0 is never among them), others widened outward.
   Returns the count; *first is set when it is not 0. */
uint64_t quire_memory_map_frames(const quire_memory_region_t *region, uint64_t *first);

/* How many bytes of [start, end) the map holds as `kind`. */
uint64_t quire_memory_map_bytes(const quire_memory_map_t *map, uint64_t start, uint64_t end, quire_memory_kind_t kind);

/* Walks the invariants (sorted, disjoint, merged, within capacity). QUIRE_CORRUPT if one is broken. */
quire_status_t quire_memory_map_check(const quire_memory_map_t *map) QUIRE_MUST_CHECK;

#endif
