/* SPDX-License-Identifier: MIT */
/*
 * show_files.c - a directory of the initial file system, as the monitor lists it.
 *
 * The archives know whole names and no directories, so every entry is asked whether it lies in the one that is wanted.
 * A file that a later archive hides is not shown: it is not what would be run.
 */
#include "initrd.h"
#include "print.h"
#include "show.h"

#define PATH_MAX 256

/* Into `tidy`, without the slash at the end; false if there is no room for it. */
static bool tidy_name(const char *name, char *tidy)
{
    size_t length = 0;

    while (name[length] != '\0' && length + 1 < PATH_MAX) {
        tidy[length] = name[length];
        length++;
    }
    if (name[length] != '\0')
        return false;
    tidy[length] = '\0';
    initrd_tidy_path(tidy);
    for (length = 0; tidy[length] != '\0'; length++)
        continue;
    if (length > 0 && tidy[length - 1] == '/')
        tidy[length - 1] = '\0';
    return true;
}

/* What of `name` is left below `directory`; NULL: it does not lie directly there. Both are tidy. */
static const char *below(const char *directory, const char *name)
{
    if (*directory != '\0') {
        while (*directory != '\0' && *directory == *name) {
            directory++;
            name++;
        }
        if (*directory != '\0' || *name++ != '/')
            return NULL;
    }
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '/')
            return NULL;
    }
    return *name != '\0' ? name : NULL;
}

static bool counts(const initrd_file_t *file)
{
    initrd_file_t found;

    return initrd_find(file->name, &found) == QUIRE_OK && found.name == file->name;
}

static void show_entry(const char *name, const initrd_file_t *entry)
{
    initrd_file_t file = *entry;

    /* Of hard links only the one that is looked up has the bytes. */
    if (initrd_find(entry->name, &file) != QUIRE_OK)
        file = *entry;
    if ((file.mode & INITRD_TYPE) == INITRD_DIRECTORY)
        print("  %10s  %s/\n", "", name);
    else if ((file.mode & INITRD_TYPE) == INITRD_LINK)
        print("  %10s  %s (a link)\n", "", name);
    else
        print("  %10zu  %s\n", file.bytes, name);
}

void show_files(const char *path)
{
    static char wanted[PATH_MAX];
    static char name[PATH_MAX];
    initrd_place_t place = {0, 0};
    initrd_file_t file;
    unsigned shown = 0;

    if (!tidy_name(path, wanted)) {
        print("  %s: this name is too long\n", path);
        return;
    }
    while (initrd_list(&place, &file) == QUIRE_OK) {
        const char *rest = tidy_name(file.name, name) ? below(wanted, name) : NULL;

        if (rest == NULL || !counts(&file))
            continue;
        show_entry(rest, &file);
        shown++;
    }
    if (shown == 0 && wanted[0] != '\0' && initrd_find(wanted, &file) == QUIRE_OK)
        show_entry(wanted, &file);
    else if (shown == 0)
        print("  no such directory: %s\n", path);
}
