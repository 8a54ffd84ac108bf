/* SPDX-License-Identifier: MIT */
/* boot.h - what the boot loader told us, copied out of its memory before anything else happens. */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include <quire/quire.h>

#define BOOT_ENTRIES_MAX 1024
#define BOOT_MODULES_MAX 8

typedef struct boot_entry {
    uint64_t base;
    uint64_t bytes;
    uint32_t type; /* E820 numbers */
} boot_entry_t;

typedef struct boot_module {
    quire_pa_t start;
    uint64_t bytes;
    char name[64];
} boot_module_t;

typedef struct boot_info {
    char loader[64];
    char command_line[1024];
    size_t entry_count;
    boot_entry_t entries[BOOT_ENTRIES_MAX];
    bool entries_lost; /* the loader's map had more than fit */
    size_t module_count;
    boot_module_t modules[BOOT_MODULES_MAX];
    uint64_t entry_time; /* time-stamp counter at the kernel's first instruction */
} boot_info_t;

extern boot_info_t boot_info;

/* Copies physical memory; false, and nothing is copied, if a byte of it cannot be reached. */
typedef bool (*boot_peek_t)(uint64_t pa, void *to, size_t bytes);

/* Fills *info, all zeros before, from what the loader left: its magic number, and the physical address of its
   information. False: not a loader we know. Everything it says is checked; what makes no sense is left out. */
bool boot_read(uint32_t magic, uint64_t start, boot_peek_t peek, boot_info_t *info);

/* True if the command line holds the word `name`; if it stands there as name=VALUE and value is not NULL, copies VALUE.
 */
bool boot_option(const char *name, char *value, size_t size);

/* Where the boot code goes when boot_info is filled and the serial ports work. */
_Noreturn void kernel_main(void);

#endif
