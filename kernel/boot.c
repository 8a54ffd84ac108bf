/* SPDX-License-Identifier: MIT */
/*
 * boot.c - the boot loader's words, by Multiboot 1 or 2, copied into boot_info.
 *
 * Problem: what the loader leaves lies anywhere in memory, is described by addresses and lengths of its making, and
 * will be overwritten as soon as memory is handed out. Idea: read everything once, through one function that copies
 * bytes from physical memory and refuses what the boot page tables do not map; keep only copies. Nothing that the
 * loader says is followed without that check, no length is believed beyond its container, and what does not fit is left
 * out, and counted.
 *
 * The memory map is another matter: an entry that is left out may be the one that reserves what another calls usable.
 * So entries are not collected but go into the map at once, which loses precision when it is full, never a reservation.
 * If the loader's map cannot be read to its end, it is read again for what it reserves, and the only memory believed
 * usable is what the loader has said in two plain numbers: conventional memory, and what follows 1 MiB.
 *
 * Sources: Multiboot Specification 0.6.96, 3.3 "Boot information format"; Multiboot2 Specification 2.0, 3.6.
 */
#include "boot.h"

#define MULTIBOOT1 0x2BADB002
#define MULTIBOOT2 0x36D76289

#define INFO1_MEMORY  (1u << 0)
#define INFO1_COMMAND (1u << 2)
#define INFO1_MODULES (1u << 3)
#define INFO1_MAP     (1u << 6)
#define INFO1_LOADER  (1u << 9)

#define INFO2_BYTES_MAX ((uint32_t)16 << 20) /* no loader has so much to say */

/* The beginning of Multiboot 1's structure. */
typedef struct info1 {
    uint32_t flags;
    uint32_t lower_kib;
    uint32_t upper_kib;
    uint32_t boot_device;
    uint32_t command_line;
    uint32_t module_count;
    uint32_t modules;
    uint32_t symbols[4];
    uint32_t map_bytes;
    uint32_t map;
    uint32_t drives[3];
    uint32_t loader;
} info1_t;

typedef struct module1 {
    uint32_t start;
    uint32_t end;
    uint32_t name;
    uint32_t reserved;
} module1_t;

/* Both versions agree on what an entry holds; version 1 puts its size before it. */
typedef struct map_entry {
    uint64_t base;
    uint64_t bytes;
    uint32_t type;
} __attribute__((packed)) map_entry_t;

typedef struct tag2 {
    uint32_t type;
    uint32_t bytes;
} tag2_t;

enum { TAG_END = 0, TAG_COMMAND = 1, TAG_LOADER = 2, TAG_MODULE = 3, TAG_MEMORY = 4, TAG_MAP = 6 };

boot_info_t boot_info;

typedef struct reader {
    boot_peek_t peek;
    boot_info_t *info;
    quire_memory_map_t *map;
    size_t entries; /* read so far */
    bool broken;    /* part of the map could not be read */
    bool doubtful;  /* so this time nothing is believed to be usable */
} reader_t;

/* At most `limit` bytes are looked at; always terminated. True: there was more. */
static bool read_string(const reader_t *reader, uint64_t pa, uint64_t limit, char *to, size_t size)
{
    size_t length = 0;
    char next;

    while (length + 1 < size && length < limit && reader->peek(pa + length, &to[length], 1) && to[length] != '\0')
        length++;
    to[length] = '\0';
    return length + 1 == size && length < limit && reader->peek(pa + length, &next, 1) && next != '\0';
}

static void add_entry(reader_t *reader, uint64_t base, uint64_t bytes, uint32_t type)
{
    quire_memory_kind_t kind = quire_memory_kind_of_e820(type);
    boot_info_t *info = reader->info;

    /* A number that E820 does not have at all. */
    if (kind == QUIRE_MEMORY_NONE)
        kind = QUIRE_MEMORY_RESERVED;
    if (info->entry_count < BOOT_ENTRIES_MAX)
        info->entries[info->entry_count++] = (boot_entry_t){base, bytes, type};
    else
        info->entries_more++;
    /* A full map has made the best of it. */
    if (!reader->doubtful || kind != QUIRE_MEMORY_USABLE)
        (void)!quire_memory_map_add(reader->map, quire_pa(base), bytes, kind);
}

static void add_module(reader_t *reader, uint64_t start, uint64_t end, uint64_t name, uint64_t name_limit)
{
    boot_info_t *info = reader->info;
    boot_module_t *module = &info->modules[info->module_count];

    if (start == end)
        return;
    if (start > end) {
        info->modules_wrong++;
        return;
    }
    if (info->module_count == BOOT_MODULES_MAX) {
        info->modules_more++;
        return;
    }
    module->start = quire_pa(start);
    module->bytes = end - start;
    (void)read_string(reader, name, name_limit, module->name, sizeof(module->name));
    info->module_count++;
}

/* For loaders without a map: conventional memory, and what follows 1 MiB up to the first hole. */
static void add_lower_and_upper(reader_t *reader, uint32_t lower_kib, uint32_t upper_kib)
{
    reader->doubtful = false;
    add_entry(reader, 0, (uint64_t)lower_kib << 10, 1);
    add_entry(reader, 1 << 20, (uint64_t)upper_kib << 10, 1);
}

/* The map was broken: once more from the beginning, for what it reserves. */
static void begin_again(reader_t *reader)
{
    quire_memory_map_init(reader->map, reader->map->regions, reader->map->capacity);
    reader->info->entry_count = 0;
    reader->info->entries_more = 0;
    reader->info->map_doubtful = true;
    reader->entries = 0;
    reader->doubtful = true;
}

static void read_map1(reader_t *reader, uint64_t at, uint64_t bytes)
{
    uint64_t end = at + bytes;
    map_entry_t entry;
    uint32_t size;

    while (at < end) {
        if (at + sizeof(size) + sizeof(entry) > end || reader->entries++ == BOOT_ENTRIES_READ_MAX ||
            !reader->peek(at, &size, sizeof(size)) || !reader->peek(at + sizeof(size), &entry, sizeof(entry)) ||
            size < sizeof(entry)) {
            reader->broken = true;
            return;
        }
        add_entry(reader, entry.base, entry.bytes, entry.type);
        at += sizeof(size) + (uint64_t)size;
    }
}

static void read_modules1(reader_t *reader, uint64_t at, uint32_t count)
{
    module1_t module;

    for (uint32_t i = 0; i < count; i++, at += sizeof(module)) {
        if (reader->info->module_count == BOOT_MODULES_MAX || !reader->peek(at, &module, sizeof(module))) {
            reader->info->modules_more += count - i;
            return;
        }
        add_module(reader, module.start, module.end, module.name, module.name == 0 ? 0 : UINT32_MAX);
    }
}

static void read_multiboot1(reader_t *reader, uint64_t at)
{
    boot_info_t *to = reader->info;
    info1_t info;

    if (!reader->peek(at, &info, sizeof(info)))
        return;
    if (info.flags & INFO1_LOADER)
        (void)read_string(reader, info.loader, UINT32_MAX, to->loader, sizeof(to->loader));
    if (info.flags & INFO1_COMMAND)
        to->command_line_cut =
            read_string(reader, info.command_line, UINT32_MAX, to->command_line, sizeof(to->command_line));
    if (info.flags & INFO1_MAP)
        read_map1(reader, info.map, info.map_bytes);
    if (reader->broken) {
        begin_again(reader);
        read_map1(reader, info.map, info.map_bytes);
    }
    if ((to->entry_count == 0 || reader->broken) && (info.flags & INFO1_MEMORY))
        add_lower_and_upper(reader, info.lower_kib, info.upper_kib);
    if (info.flags & INFO1_MODULES)
        read_modules1(reader, info.modules, info.module_count);
}

/* `at` is behind the tag's header, `bytes` what is left of the tag. */
static void read_map2(reader_t *reader, uint64_t at, uint64_t bytes)
{
    uint64_t end = at + bytes;
    uint32_t entry_bytes;
    map_entry_t entry;

    reader->broken |= bytes < 8 || !reader->peek(at, &entry_bytes, sizeof(entry_bytes)) || entry_bytes < sizeof(entry);
    if (reader->broken)
        return;
    for (at += 8; at < end; at += entry_bytes) {
        if (at + entry_bytes > end || reader->entries++ == BOOT_ENTRIES_READ_MAX ||
            !reader->peek(at, &entry, sizeof(entry))) {
            reader->broken = true;
            return;
        }
        add_entry(reader, entry.base, entry.bytes, entry.type);
    }
}

static void read_tag2(reader_t *reader, uint32_t type, uint64_t at, uint64_t bytes)
{
    boot_info_t *info = reader->info;
    uint32_t words[2] = {0, 0};

    if (type == TAG_COMMAND)
        info->command_line_cut = read_string(reader, at, bytes, info->command_line, sizeof(info->command_line));
    else if (type == TAG_LOADER)
        (void)read_string(reader, at, bytes, info->loader, sizeof(info->loader));
    else if (type == TAG_MODULE && bytes >= sizeof(words) && reader->peek(at, words, sizeof(words)))
        add_module(reader, words[0], words[1], at + sizeof(words), bytes - sizeof(words));
    else if (type == TAG_MAP)
        read_map2(reader, at, bytes);
}

/* Reads all tags, or only maps; returns where the summary of memory is, 0 if there is none. */
static uint64_t read_tags2(reader_t *reader, uint64_t start, uint64_t end, bool maps_only)
{
    uint64_t summary = 0;
    tag2_t tag;

    for (uint64_t at = start + 8; at + sizeof(tag) <= end; at += ((uint64_t)tag.bytes + 7) & ~(uint64_t)7) {
        if (!reader->peek(at, &tag, sizeof(tag)) || tag.type == TAG_END || tag.bytes < sizeof(tag))
            break;
        if (at + tag.bytes > end) {
            reader->broken |= tag.type == TAG_MAP;
            tag.bytes = (uint32_t)(end - at);
        }
        if (tag.type == TAG_MEMORY && tag.bytes >= sizeof(tag) + 8)
            summary = at + sizeof(tag);
        if (!maps_only || tag.type == TAG_MAP)
            read_tag2(reader, tag.type, at + sizeof(tag), tag.bytes - sizeof(tag));
    }
    return summary;
}

/* The summary counts only if there is no map, which may come after it. */
static void read_multiboot2(reader_t *reader, uint64_t start)
{
    uint64_t summary;
    uint64_t end;
    uint32_t total;
    uint32_t words[2];

    if (!reader->peek(start, &total, sizeof(total)))
        return;
    end = start + (total < INFO2_BYTES_MAX ? total : INFO2_BYTES_MAX);
    summary = read_tags2(reader, start, end, false);
    if (reader->broken) {
        begin_again(reader);
        reader->broken = false;
        (void)read_tags2(reader, start, end, true);
        reader->broken = true;
    }
    if ((reader->info->entry_count == 0 || reader->broken) && summary != 0 &&
        reader->peek(summary, words, sizeof(words)))
        add_lower_and_upper(reader, words[0], words[1]);
}

bool boot_read(uint32_t magic, uint64_t start, boot_peek_t peek, boot_info_t *info, quire_memory_map_t *map)
{
    reader_t reader = {.peek = peek, .info = info, .map = map};

    if (magic == MULTIBOOT1)
        read_multiboot1(&reader, start);
    else if (magic == MULTIBOOT2)
        read_multiboot2(&reader, start);
    return magic == MULTIBOOT1 || magic == MULTIBOOT2;
}

/* The length of the word at `at`. */
static size_t word_length(const char *at)
{
    size_t length = 0;

    while (at[length] != '\0' && at[length] != ' ')
        length++;
    return length;
}

static void copy_value(const char *from, size_t length, char *value, size_t size)
{
    size_t count = 0;

    if (value == NULL || size == 0)
        return;
    for (; count < length && count + 1 < size; count++)
        value[count] = from[count];
    value[count] = '\0';
}

bool boot_option(const char *name, char *value, size_t size)
{
    const char *at = boot_info.command_line;
    size_t name_length = word_length(name);

    while (*at != '\0') {
        size_t length = word_length(at);
        bool same = length >= name_length && __builtin_memcmp(at, name, name_length) == 0;

        if (same && (length == name_length || at[name_length] == '=')) {
            size_t skip = length == name_length ? length : name_length + 1;

            copy_value(at + skip, length - skip, value, size);
            return true;
        }
        at += length;
        while (*at == ' ')
            at++;
    }
    return false;
}
