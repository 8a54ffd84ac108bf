/* SPDX-License-Identifier: MIT */
/*
 * initrd.h - the initial file system: cpio archives ("newc") that the boot loader placed in memory as modules.
 *
 * Files are read where they lie. Later modules hide files of the same name in earlier ones. Archives are not trusted:
 * what is cut short, or points outside itself, ends where it is still sound.
 */
#ifndef KERNEL_INITRD_H
#define KERNEL_INITRD_H

#include <quire/types.h>

#define INITRD_ARCHIVES_MAX 8

/* What kind of file it is: the upper bits of the mode (inode(7)). */
enum initrd_mode {
    INITRD_TYPE = 0170000,
    INITRD_DIRECTORY = 0040000,
    INITRD_REGULAR = 0100000,
    INITRD_LINK = 0120000, /* symbolic; its content is the target */
};

typedef struct initrd_file {
    const void *data;
    size_t bytes;
    uint32_t mode;    /* as stat(2) shows it */
    uint32_t inode;   /* the archive's number for it */
    uint32_t links;   /* hard links to it */
    const char *name; /* terminated; where `data` is */
} initrd_file_t;

/* Maps the boot modules and makes them searchable. */
void initrd_init(void);

/* One more archive; the bytes stay where they are. QUIRE_NO_MEMORY: there are INITRD_ARCHIVES_MAX already.
 * QUIRE_INVALID: it does not begin as a cpio archive does. */
quire_status_t initrd_add(const void *archive, size_t bytes) QUIRE_MUST_CHECK;

/* By path; a leading "/" or "./" is ignored. QUIRE_NOT_FOUND if there is no such file. */
quire_status_t initrd_find(const char *path, initrd_file_t *file) QUIRE_MUST_CHECK;

/* The entry at *offset, as it stands in the archive; *offset begins at 0 and is advanced to the next one. Of hard links
   only the last carries the content. QUIRE_NOT_FOUND: the end, or nothing sound any more. */
quire_status_t initrd_next(const void *archive, size_t bytes, size_t *offset, initrd_file_t *file) QUIRE_MUST_CHECK;

/* The entries of all archives, one after the other; *place begins as zeros. Names may come twice: initrd_find() tells
   which one counts. QUIRE_NOT_FOUND: the end. */
typedef struct initrd_place {
    unsigned archive;
    size_t offset;
} initrd_place_t;
quire_status_t initrd_list(initrd_place_t *place, initrd_file_t *file) QUIRE_MUST_CHECK;

/* As initrd_find(), in one archive. */
quire_status_t initrd_search(const void *archive, size_t bytes, const char *path, initrd_file_t *file) QUIRE_MUST_CHECK;

/* Takes empty parts, "." and ".." out of a path, in place, by the letter: "/a//./b/../c" becomes "a/c", the root "". A
   slash at the end of anything else stays: it asks for a directory. The path never grows. */
void initrd_tidy_path(char *path);

/* Whether two paths name the same file: empty parts and "." count for nothing. */
bool initrd_same_path(const char *a, const char *b);

#endif
