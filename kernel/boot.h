/* SPDX-License-Identifier: MIT */
/* boot.h - what the boot loader told us, copied out of its memory before anything else happens. */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include <quire/quire.h>

#define BOOT_ENTRIES_MAX      64    /* of the loader's map, kept to be shown */
#define BOOT_ENTRIES_READ_MAX 65536 /* no firmware has so much to say */
#define BOOT_REGIONS_MAX      1088  /* what the map keeps apart */
#define BOOT_MODULES_MAX      8

typedef struct boot_entry {
    uint64_t base;
    uint64_t bytes;
    uint32_t type; /* E820 numbers */
} boot_entry_t;

/* Why a module is not used. */
typedef enum boot_refusal {
    BOOT_NOT_REFUSED = 0,
    BOOT_NO_RAM,       /* part of it lies where the map names nothing */
    BOOT_RESERVED,     /* part of it is not the loader's to give */
    BOOT_OVER_KERNEL,  /* it overlaps the kernel's image, */
    BOOT_OVER_MODULE,  /* or a module before it */
    BOOT_OUT_OF_REACH, /* this CPU or this kernel cannot address all of it */
} boot_refusal_t;

typedef struct boot_module {
    quire_pa_t start;
    uint64_t bytes;
    boot_refusal_t refused;
    char name[64];
} boot_module_t;

typedef struct boot_info {
    char loader[64];
    char command_line[1024];
    bool command_line_cut; /* there was more of it */
    size_t entry_count;    /* kept in `entries` */
    boot_entry_t entries[BOOT_ENTRIES_MAX];
    size_t entries_more; /* read, and not kept there; the map has them */
    bool map_doubtful;   /* part of the loader's map cannot be read: of the rest, nothing is believed to be usable */
    size_t module_count;
    boot_module_t modules[BOOT_MODULES_MAX];
    size_t modules_more;  /* that there was no room for: not used */
    size_t modules_wrong; /* that end before they begin: not used */
    uint64_t entry_time;  /* time-stamp counter at the kernel's first instruction */
} boot_info_t;

extern boot_info_t boot_info;

/* Copies physical memory; false, and nothing is copied, if a byte of it cannot be reached. */
typedef bool (*boot_peek_t)(uint64_t pa, void *to, size_t bytes);

/* Fills *info, all zeros before, and *map, which has its storage and nothing in it, from what the loader left: its
   magic number, and the physical address of its information. False: not a loader we know. Everything it says is
   checked; what makes no sense is left out. Each entry goes into the map as it is read, so none is lost for want of
   room. */
bool boot_read(uint32_t magic, uint64_t start, boot_peek_t peek, boot_info_t *info, quire_memory_map_t *map);

typedef struct boot_machine {
    uint64_t limit;       /* physical addresses at or above cannot be used */
    uint64_t image_start; /* the kernel's */
    uint64_t image_end;
} boot_machine_t;

typedef struct boot_findings {
    uint64_t out_of_reach_bytes; /* usable, and at or above the limit */
    uint64_t stray_bytes;        /* usable, and too little and too far from all else to be RAM */
    uint64_t image_bytes;        /* of the kernel's image, in memory that is not the loader's to give */
} boot_findings_t;

/* Puts into the map what the loader did not say: where the CPU's reach ends, old video memory and firmware, the image,
   and those modules that can be used; says of the others why not. */
boot_findings_t boot_complete_map(boot_info_t *info, const boot_machine_t *machine, quire_memory_map_t *map);

/* Says what is not used, and why; panics, in words, if a module lies where there is no memory at all. */
void boot_report(const boot_findings_t *findings, uint64_t limit, const quire_memory_map_t *map);

/* True if the command line holds the word `name`; if it stands there as name=VALUE and value is not NULL, copies VALUE.
 */
bool boot_option(const char *name, char *value, size_t size);

/* Where the boot code goes when boot_info is filled and the serial ports work. */
_Noreturn void kernel_main(void);

#endif
