/* SPDX-License-Identifier: MIT */
/*
 * file.c - what a file descriptor stands for.
 *
 * A program that was started by the command line's `run` has ports of its own for standard output and error, so
 * that they reach the host as they were written; other programs speak on the console. Devices are few and have no
 * state: /dev/events takes records of a program's own events (quire/event.h), so that its story and the kernel's
 * can be told as one.
 */
#include "file.h"

#include "arch/arch.h"
#include "boot.h"
#include "bytes.h"
#include "calls.h"
#include "console.h"
#include "print.h"

#define DEVICE_MAJOR_MEMORY 1
#define DEVICE_MAJOR_MISC   10

typedef struct device {
    const char *path;
    file_kind_t kind;
    uint32_t major;
    uint32_t minor;
} device_t;

/* Linux's numbers; 10, 250 is one that Linux has left free. */
static const device_t devices[] = {
    {"dev/null", FILE_NULL, DEVICE_MAJOR_MEMORY, 3},     {"dev/zero", FILE_ZERO, DEVICE_MAJOR_MEMORY, 5},
    {"dev/random", FILE_RANDOM, DEVICE_MAJOR_MEMORY, 8}, {"dev/urandom", FILE_RANDOM, DEVICE_MAJOR_MEMORY, 9},
    {"dev/events", FILE_EVENTS, DEVICE_MAJOR_MISC, 250},
};

#define DEVICE_COUNT (sizeof(devices) / sizeof(devices[0]))

quire_status_t file_find(const char *path, file_t *file)
{
    static const initrd_file_t device_directory = {.mode = INITRD_DIRECTORY | 0755, .links = 2, .name = "dev"};
    static const initrd_file_t root = {.mode = INITRD_DIRECTORY | 0755, .links = 2, .name = ""};
    initrd_file_t content = root;
    file_kind_t kind = FILE_INITRD;
    quire_status_t status = QUIRE_OK;

    for (unsigned i = 0; i < DEVICE_COUNT; i++) {
        if (initrd_same_path(path, devices[i].path))
            kind = devices[i].kind;
    }
    if (initrd_same_path(path, "dev"))
        content = device_directory;
    else if (kind == FILE_INITRD && !initrd_same_path(path, "/"))
        status = initrd_find(path, &content);
    if (status == QUIRE_OK)
        *file = (file_t){.kind = kind, .content = content};
    return status;
}

static uint64_t device_number(uint32_t major, uint32_t minor)
{
    return (uint64_t)major << 8 | minor;
}

void file_status(const file_t *file, file_status_t *status)
{
    *status = (file_status_t){.device = 1, .links = 1};
    switch (file->kind) {
    case FILE_CLOSED:
        break;
    case FILE_INPUT:
    case FILE_OUTPUT:
    case FILE_ERROR:
        status->mode = MODE_PIPE | 0600;
        status->inode = (uint64_t)file->kind;
        break;
    case FILE_EVENTS:
    case FILE_NULL:
    case FILE_ZERO:
    case FILE_RANDOM:
        status->mode = MODE_DEVICE | 0666;
        for (unsigned i = 0; i < DEVICE_COUNT; i++) {
            if (devices[i].kind == file->kind)
                status->special_device = device_number(devices[i].major, devices[i].minor);
        }
        status->inode = (uint64_t)file->kind;
        break;
    case FILE_MAPS:
        status->mode = INITRD_REGULAR | 0444;
        status->inode = (uint64_t)file->kind;
        break;
    case FILE_INITRD:
        status->mode = file->content.mode;
        status->bytes = file->content.bytes;
        status->inode = file->content.inode;
        status->links = file->content.links;
        break;
    }
}

static size_t read_console(uint8_t *to, size_t bytes)
{
    size_t count = 0;

    while (count < bytes) {
        int key = console_read();

        if (key < 0)
            break;
        to[count++] = (uint8_t)key;
    }
    return count;
}

size_t file_read(const file_t *file, uint64_t offset, void *to, size_t bytes)
{
    switch (file->kind) {
    case FILE_INPUT:
        return read_console(to, bytes);
    case FILE_ZERO:
        memset(to, 0, bytes);
        return bytes;
    case FILE_RANDOM:
        random_bytes(to, bytes);
        return bytes;
    case FILE_INITRD:
        if (offset >= file->content.bytes)
            return 0;
        if (bytes > file->content.bytes - offset)
            bytes = file->content.bytes - (size_t)offset;
        memcpy(to, (const uint8_t *)file->content.data + offset, bytes);
        return bytes;
    case FILE_CLOSED:
    case FILE_OUTPUT:
    case FILE_ERROR:
    case FILE_EVENTS:
    case FILE_NULL:
    case FILE_MAPS:
        break;
    }
    return 0;
}

/* Whole records only, and nothing in them that a reader of events would not expect. */
static size_t write_events(uint32_t space, const uint8_t *from, size_t bytes)
{
    size_t done = 0;

    for (; bytes - done >= sizeof(quire_event_t); done += sizeof(quire_event_t)) {
        quire_event_t event;

        memcpy(&event, from + done, sizeof(event));
        if (event.kind == QUIRE_EVENT_NONE || event.kind >= QUIRE_EVENT_KINDS)
            continue;
        event.space = space;
        event.cpu = (uint8_t)quire_port_cpu();
        quire_event_import(&event);
    }
    return done;
}

static void write_stream(file_kind_t kind, const void *from, size_t bytes)
{
    static int separate = -1; /* not asked yet */

    if (separate < 0)
        separate = boot_option("run", NULL, 0);
    if (separate == 0)
        print_bytes(from, bytes);
    else
        serial_write(kind == FILE_ERROR ? SERIAL_ERROR : SERIAL_OUTPUT, from, bytes);
}

size_t file_write(const file_t *file, uint32_t space, const void *from, size_t bytes)
{
    switch (file->kind) {
    case FILE_OUTPUT:
    case FILE_ERROR:
        write_stream(file->kind, from, bytes);
        return bytes;
    case FILE_EVENTS:
        return write_events(space, from, bytes);
    case FILE_NULL:
    case FILE_ZERO:
    case FILE_RANDOM:
        return bytes;
    case FILE_CLOSED:
    case FILE_INPUT:
    case FILE_MAPS:
    case FILE_INITRD:
        break;
    }
    return 0;
}
