/* SPDX-License-Identifier: MIT */
/*
 * initrd.h - the initial file system: cpio archives ("newc") that the boot loader placed in memory as modules.
 *
 * Files are read where they lie. Later modules hide files of the same name in earlier ones. Archives are not trusted: what
 * is cut short, or points outside itself, ends where it is still sound.
 */
#ifndef KERNEL_INITRD_H
#define KERNEL_INITRD_H

#include <quire/types.h>

typedef struct initrd_file {
    const void *data;
    size_t bytes;
    uint32_t mode; /* as stat(2) shows it */
} initrd_file_t;

/* Maps the boot modules and makes them searchable. */
void initrd_init(void);

/* By path; a leading "/" or "./" is ignored. QUIRE_NOT_FOUND if there is no such file. */
quire_status_t initrd_find(const char *path, initrd_file_t *file) QUIRE_MUST_CHECK;

#endif
