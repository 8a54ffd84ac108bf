/* SPDX-License-Identifier: MIT */
/*
 * initrd.c - reading cpio archives where they lie.
 *
 * Problem: programs must come from somewhere before there is a file system. Idea: the "newc" form of cpio (cpio(5)) is
 * a sequence of entries: a header of 110 characters, the name, the content, each padded to four bytes; numbers are
 * eight hexadecimal digits. It can be searched without being unpacked. Initial file systems may consist of several
 * archives, one after the other with zeros between them, as Linux takes them.
 *
 * Invariants: an entry is answered only if its header is well formed and its name (terminated) and content lie wholly
 * within the archive; all arithmetic is on offsets that were checked first. Search is linear, which is cheap for
 * the dozens of files an initial file system has.
 *
 * Rejected: unpacking into a tree of nodes. It would need memory for a second copy, and errors of its own.
 */
#include "initrd.h"

#define HEADER_BYTES 110
#define NAME_MAX     4096

enum { FIELD_INODE = 0, FIELD_MODE = 1, FIELD_LINKS = 4, FIELD_BYTES = 6, FIELD_NAME_BYTES = 11, FIELDS = 13 };

static struct {
    const void *archive;
    size_t bytes;
} archives[INITRD_ARCHIVES_MAX];
static unsigned archive_count;

static bool digit(char c, uint32_t *value)
{
    if (c >= '0' && c <= '9')
        *value = (uint32_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *value = (uint32_t)(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
        *value = (uint32_t)(c - 'A' + 10);
    else
        return false;
    return true;
}

/* "070701", or "070702" for archives with checksums, then the fields. */
static bool read_header(const char *header, uint32_t fields[FIELDS])
{
    static const char magic[5] = {'0', '7', '0', '7', '0'};

    for (unsigned i = 0; i < sizeof(magic); i++) {
        if (header[i] != magic[i])
            return false;
    }
    if (header[5] != '1' && header[5] != '2')
        return false;
    for (unsigned i = 0; i < FIELDS; i++) {
        fields[i] = 0;
        for (unsigned j = 0; j < 8; j++) {
            uint32_t value;

            if (!digit(header[6 + 8 * i + j], &value))
                return false;
            fields[i] = fields[i] << 4 | value;
        }
    }
    return true;
}

/* The offset after `bytes` at `offset` and padding; more than `size` if they do not fit. The last padding may be
 * missing. */
static size_t after(size_t size, size_t offset, size_t bytes)
{
    size_t padding;

    if (offset > size || bytes > size - offset)
        return SIZE_MAX;
    offset += bytes;
    padding = (0 - offset) & 3;
    return padding > size - offset ? size : offset + padding;
}

static bool is_trailer(const char *name)
{
    const char *trailer = "TRAILER!!!";

    for (; *name != '\0' && *name == *trailer; name++)
        trailer++;
    return *name == *trailer;
}

quire_status_t initrd_next(const void *archive, size_t bytes, size_t *offset, initrd_file_t *file)
{
    const char *text = archive;
    size_t at = *offset;

    for (;;) {
        uint32_t fields[FIELDS];
        size_t name;
        size_t data;
        size_t next;

        while (at < bytes && text[at] == '\0')
            at++;
        if (at >= bytes || bytes - at < HEADER_BYTES || !read_header(text + at, fields))
            return QUIRE_NOT_FOUND;
        name = at + HEADER_BYTES;
        if (fields[FIELD_NAME_BYTES] == 0 || fields[FIELD_NAME_BYTES] > NAME_MAX)
            return QUIRE_NOT_FOUND;
        data = after(bytes, name, fields[FIELD_NAME_BYTES]);
        if (data > bytes || text[name + fields[FIELD_NAME_BYTES] - 1] != '\0')
            return QUIRE_NOT_FOUND;
        next = after(bytes, data, fields[FIELD_BYTES]);
        if (next > bytes)
            return QUIRE_NOT_FOUND;
        at = next;
        if (is_trailer(text + name))
            continue;
        *file = (initrd_file_t){.data = text + data,
                                .bytes = fields[FIELD_BYTES],
                                .mode = fields[FIELD_MODE],
                                .inode = fields[FIELD_INODE],
                                .links = fields[FIELD_LINKS],
                                .name = text + name};
        *offset = at;
        return QUIRE_OK;
    }
}

/* Skips "/" and "." parts. */
static const char *next_part(const char *path)
{
    for (;;) {
        if (path[0] == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == '\0')))
            path++;
        else
            return path;
    }
}

bool initrd_same_path(const char *a, const char *b)
{
    for (;;) {
        a = next_part(a);
        b = next_part(b);
        while (*a != '\0' && *a != '/' && *a == *b) {
            a++;
            b++;
        }
        if ((*a != '\0' && *a != '/') || (*b != '\0' && *b != '/'))
            return false;
        if (*a == '\0' || *b == '\0')
            return *next_part(a) == '\0' && *next_part(b) == '\0';
    }
}

static size_t part_length(const char *part)
{
    size_t length = 0;

    while (part[length] != '\0' && part[length] != '/')
        length++;
    return length;
}

/* What is written never overtakes what is read: each part takes its own length and the one slash that it had. */
void initrd_tidy_path(char *path)
{
    char *to = path;
    bool slash = false; /* at the end of what was read */

    for (const char *from = path; *from != '\0';) {
        size_t length = part_length(from);
        bool here = length == 0 || (length == 1 && from[0] == '.');
        bool up = length == 2 && from[0] == '.' && from[1] == '.';

        slash = from[length] == '/' || here || up;
        while (up && to > path && *--to != '/')
            ;
        if (!here && !up) {
            if (to > path)
                *to++ = '/';
            for (size_t i = 0; i < length; i++)
                *to++ = from[i];
        }
        from += length;
        from += *from == '/';
    }
    if (slash && to > path)
        *to++ = '/';
    *to = '\0';
}

/* Of hard links all but the last are empty: finds the one with the content. */
static void follow_hard_link(const void *archive, size_t bytes, initrd_file_t *found)
{
    initrd_file_t file;
    size_t offset = 0;

    if (found->links < 2 || found->bytes != 0 || (found->mode & INITRD_TYPE) != INITRD_REGULAR)
        return;
    while (initrd_next(archive, bytes, &offset, &file) == QUIRE_OK) {
        if (file.inode == found->inode && file.links >= 2 && file.bytes != 0) {
            found->data = file.data;
            found->bytes = file.bytes;
        }
    }
}

quire_status_t initrd_search(const void *archive, size_t bytes, const char *path, initrd_file_t *file)
{
    initrd_file_t found = {0};
    initrd_file_t entry;
    size_t offset = 0;

    while (initrd_next(archive, bytes, &offset, &entry) == QUIRE_OK) {
        if (initrd_same_path(entry.name, path))
            found = entry;
    }
    if (found.name == NULL)
        return QUIRE_NOT_FOUND;
    follow_hard_link(archive, bytes, &found);
    *file = found;
    return QUIRE_OK;
}

quire_status_t initrd_add(const void *archive, size_t bytes)
{
    uint32_t fields[FIELDS];

    if (archive_count == INITRD_ARCHIVES_MAX)
        return QUIRE_NO_MEMORY;
    if (bytes < HEADER_BYTES || !read_header(archive, fields))
        return QUIRE_INVALID;
    archives[archive_count].archive = archive;
    archives[archive_count].bytes = bytes;
    archive_count++;
    return QUIRE_OK;
}

quire_status_t initrd_find(const char *path, initrd_file_t *file)
{
    for (unsigned i = archive_count; i-- > 0;) {
        if (initrd_search(archives[i].archive, archives[i].bytes, path, file) == QUIRE_OK)
            return QUIRE_OK;
    }
    return QUIRE_NOT_FOUND;
}

quire_status_t initrd_list(initrd_place_t *place, initrd_file_t *file)
{
    for (; place->archive < archive_count; *place = (initrd_place_t){.archive = place->archive + 1}) {
        const void *archive = archives[place->archive].archive;

        if (initrd_next(archive, archives[place->archive].bytes, &place->offset, file) == QUIRE_OK)
            return QUIRE_OK;
    }
    return QUIRE_NOT_FOUND;
}
