/* SPDX-License-Identifier: MIT */
/*
 * path.c - any name at all, looked up in a small tree of files, directories and links; beside a second way to do it.
 *
 * The input is a flag byte, which also chooses an open directory, and the name as a process might pass it; bytes from
 * 0x80 on stand for whole parts of names, so that noise finds files, too. Looked for: a write beyond the buffer, a name
 * that is not tidy when it says it is, and a lookup that finds another file than the plain way of taking a name apart
 * does, or finds none where that does.
 */
#include "../../kernel/path.c"

#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 4200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct entry {
    const char *name;
    uint32_t type;
    const char *target;
} entries[] = {
    {"", INITRD_DIRECTORY, NULL},
    {"a", INITRD_DIRECTORY, NULL},
    {"a/b", INITRD_DIRECTORY, NULL},
    {"a/b/file", INITRD_REGULAR, NULL},
    {"f", INITRD_REGULAR, NULL},
    {"to-f", INITRD_LINK, "f"},
    {"a/up", INITRD_LINK, "../f"},
    {"a/abs", INITRD_LINK, "/a/b"},
    {"loop", INITRD_LINK, "loop"},
    {"ping", INITRD_LINK, "./pong"},
    {"pong", INITRD_LINK, "ping/"},
    {"void", INITRD_LINK, ""},
    {"a/b/far", INITRD_LINK, "../../../../a/./b//file"},
    {"nowhere", INITRD_LINK, "a/c/d"},
};

#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

static struct {
    process_t process;
    linux_state_t state;
    char beyond[64]; /* behind the state: must stay as it is */
    char name[2 * PATH_BYTES_MAX];
    size_t length;
    file_t directory;
} now;

static void fill_in(file_t *file, const struct entry *entry)
{
    *file = (file_t){.kind = FILE_INITRD};
    file->content.name = entry->name;
    file->content.mode = entry->type | 0755;
    file->content.data = entry->target;
    file->content.bytes = entry->target == NULL ? 0 : strlen(entry->target);
}

/* --- what path.c asks of the kernel --- */

quire_status_t file_find(const char *path, file_t *file)
{
    for (size_t at = 0; at < ENTRIES; at++) {
        if (!initrd_same_path(path, entries[at].name))
            continue;
        fill_in(file, &entries[at]);
        return QUIRE_OK;
    }
    return QUIRE_NOT_FOUND;
}

file_t *transfer_file(process_t *process, uintptr_t number)
{
    (void)process;
    return number == 3 ? &now.directory : NULL;
}

quire_status_t user_memory_read_string(process_t *process, char *to, uintptr_t from, size_t bytes, size_t *length)
{
    (void)process;
    (void)from;
    if (now.length >= bytes)
        return QUIRE_NO_SPACE;
    memcpy(to, now.name, now.length);
    to[now.length] = '\0';
    *length = strlen(to);
    return QUIRE_OK;
}

/* --- the plain way --- */

/* The parts of a name with "." and ".." worked out, joined again. */
static void plain(const char *name, char *to)
{
    static const char *start[PARTS_MAX];
    static size_t bytes[PARTS_MAX];
    size_t parts = 0;

    while (*name != '\0') {
        size_t length = strcspn(name, "/");

        if (length == 2 && memcmp(name, "..", 2) == 0) {
            parts -= parts > 0;
        } else if (length != 0 && !(length == 1 && *name == '.')) {
            start[parts] = name;
            bytes[parts++] = length;
        }
        name += length + (name[length] == '/');
    }
    *to = '\0';
    for (size_t at = 0; at < parts; at++) {
        strncat(to, start[at], bytes[at]);
        if (at + 1 < parts)
            strcat(to, "/");
    }
}

static const struct entry *find_plain(const char *tidy)
{
    for (size_t at = 0; at < ENTRIES; at++) {
        if (strcmp(entries[at].name, tidy) == 0)
            return &entries[at];
    }
    return NULL;
}

static void expect(bool good)
{
    if (!good)
        abort();
}

static bool is_tidy(const char *path)
{
    char again[PATH_BYTES_MAX];

    strcpy(again, path);
    initrd_tidy_path(again);
    return strcmp(again, path) == 0;
}

/* The last part is empty, "." or "..": only a directory can be meant. */
static bool ends_in_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *last = slash != NULL ? slash + 1 : path;

    return strcmp(last, "..") == 0 || strcmp(last, ".") == 0 || *last == '\0';
}

static void look_up(bool follow)
{
    static char tidy[PATH_BYTES_MAX];
    char *path = now.state.path;
    bool wants_directory;
    const struct entry *wanted;
    file_t file;
    call_result_t result;

    plain(path, tidy);
    wanted = find_plain(tidy);
    wants_directory = ends_in_directory(path);
    result = path_find(&now.process, follow, &file);
    expect(strlen(path) < PATH_BYTES_MAX && (result != 0 || is_tidy(path)));
    if (wanted == NULL)
        expect(result < 0);
    if (wanted == NULL || (wanted->type == INITRD_LINK && follow))
        return;
    if (wanted->type == INITRD_DIRECTORY || !wants_directory)
        expect(result == 0 && strcmp(file.content.name, wanted->name) == 0);
}

static void spell_out(const uint8_t *data, size_t size)
{
    static const char *const parts[] = {"/",  "..",   ".",    "/../", "//",   "a/",   "a/b/", "file", "f",      "to-f",
                                        "up", "/abs", "loop", "ping", "pong", "void", "far",  "/./",  "nowhere"};

    now.length = 0;
    for (size_t at = 0; at < size && now.length + 16 < sizeof(now.name); at++) {
        const char *part = parts[data[at] % (sizeof(parts) / sizeof(parts[0]))];

        if (data[at] < 0x80)
            now.name[now.length++] = (char)data[at];
        for (; data[at] >= 0x80 && *part != '\0'; part++)
            now.name[now.length++] = *part;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool empty = false;
    unsigned flags = size > 0 ? data[0] : 0;

    memset(&now.state, 0, sizeof(now.state));
    memset(now.beyond, 0x5a, sizeof(now.beyond));
    now.process.files = &now.state;
    spell_out(data + (size > 0), size - (size > 0));
    fill_in(&now.directory, &entries[(flags >> 3) % ENTRIES]);
    if (path_get(&now.process, flags & 1 ? 3 : (uintptr_t)AT_FDCWD, 0, flags & 2 ? &empty : NULL) == 0)
        look_up((flags & 4) != 0);
    for (size_t at = 0; at < sizeof(now.beyond); at++)
        expect(now.beyond[at] == 0x5a);
    return 0;
}
