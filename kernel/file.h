/* SPDX-License-Identifier: MIT */
/* file.h - what a file descriptor stands for: standard streams, devices, and files of the initial file system. */
#ifndef KERNEL_FILE_H
#define KERNEL_FILE_H

#include "initrd.h"

#define FILES_MAX 64

typedef enum file_kind {
    FILE_CLOSED = 0,
    FILE_INPUT,  /* the console's keyboard */
    FILE_OUTPUT, /* standard output */
    FILE_ERROR,  /* standard error */
    FILE_EVENTS, /* /dev/events: takes whole event records */
    FILE_NULL,
    FILE_ZERO,
    FILE_RANDOM,
    FILE_MAPS,   /* /proc/self/maps: kernel/maps.c */
    FILE_INITRD, /* a regular file or a directory, read-only */
} file_kind_t;

/* Where a reader of FILE_MAPS stopped: who goes on at `offset` gets the line of what lies at or above `next`, without
   its first `skip` bytes. Zeros: at the beginning. */
typedef struct maps_place {
    uint64_t offset;
    quire_va_t next;
    uint64_t skip;
} maps_place_t;

typedef struct file {
    file_kind_t kind;
    bool readable;
    bool writable;
    bool close_on_exec;
    uint16_t flags; /* as open(2) was given them, for fcntl(2) */
    uint64_t offset;
    initrd_file_t content; /* of FILE_INITRD */
    maps_place_t place;    /* of FILE_MAPS */
} file_t;

/* What stat(2) tells. */
typedef struct file_status {
    uint64_t inode;
    uint64_t device;
    uint64_t special_device;
    uint64_t bytes;
    uint32_t mode;
    uint32_t links;
} file_status_t;

/* Looks a path up among the devices and in the initial file system. QUIRE_NOT_FOUND if there is no such file. Access is
 * not set. */
quire_status_t file_find(const char *path, file_t *file) QUIRE_MUST_CHECK;

void file_status(const file_t *file, file_status_t *status);

/* Up to `bytes` at `offset`; returns how many. For kinds that can be read, but not FILE_MAPS. */
size_t file_read(const file_t *file, uint64_t offset, void *to, size_t bytes);

/* All of it, or for /dev/events the whole records in it, in the name of an address space; returns how many bytes. */
size_t file_write(const file_t *file, uint32_t space, const void *from, size_t bytes);

#endif
