/* SPDX-License-Identifier: MIT */
/* archive.c - cpio archives, sound and hostile. */
#include "test.h"

#include "initrd.h"

#define ARCHIVE_BYTES 8192
#define HEADER_BYTES  110

typedef struct archive {
    char *bytes;
    size_t size;
} archive_t;

static size_t length_of(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    return length;
}

static void put_hex(char *at, uint32_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = "0123456789ABCDEF"[value >> (28 - 4 * i) & 15];
}

static void pad(archive_t *archive)
{
    while (archive->size % 4 != 0)
        archive->bytes[archive->size++] = '\0';
}

static void put_text(archive_t *archive, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        archive->bytes[archive->size++] = text[i];
    pad(archive);
}

static void add(archive_t *archive, const char *name, const char *content, uint32_t mode, uint32_t inode,
                uint32_t links)
{
    char *header = archive->bytes + archive->size;
    const uint32_t fields[13] = {
        [0] = inode, [1] = mode, [4] = links, [6] = (uint32_t)length_of(content), [11] = (uint32_t)length_of(name) + 1};

    CHECK(archive->size + HEADER_BYTES + length_of(name) + length_of(content) + 16 < ARCHIVE_BYTES);
    for (unsigned i = 0; i < 6; i++)
        header[i] = "070701"[i];
    for (unsigned i = 0; i < 13; i++)
        put_hex(header + 6 + 8 * i, fields[i]);
    archive->size += HEADER_BYTES;
    put_text(archive, name, length_of(name) + 1);
    put_text(archive, content, length_of(content));
}

static void init(archive_t *archive)
{
    archive->bytes = test_memory(ARCHIVE_BYTES);
    archive->size = 0;
}

static void add_usual(archive_t *archive)
{
    add(archive, ".", "", 040755, 1, 2);
    add(archive, "./bin", "", 040755, 2, 2);
    add(archive, "./bin/hello", "hello, world", 0100755, 3, 1);
    add(archive, "empty", "", 0100644, 4, 1);
    add(archive, "bin/link", "hello", 0120777, 5, 1);
    add(archive, "TRAILER!!!", "", 0, 0, 1);
}

static bool holds(const initrd_file_t *file, const char *content)
{
    const char *data = file->data;

    if (file->bytes != length_of(content))
        return false;
    for (size_t i = 0; i < file->bytes; i++) {
        if (data[i] != content[i])
            return false;
    }
    return true;
}

static quire_status_t find(const archive_t *archive, const char *path, initrd_file_t *file)
{
    return initrd_search(archive->bytes, archive->size, path, file);
}

TEST(initrd, found_by_path)
{
    static const char *const spellings[] = {"bin/hello", "/bin/hello", "./bin/hello", "//bin/./hello", "bin//hello"};
    archive_t archive;
    initrd_file_t file;

    init(&archive);
    add_usual(&archive);
    for (unsigned i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        CHECK_OK(find(&archive, spellings[i], &file));
        CHECK(holds(&file, "hello, world"));
        CHECK_EQUAL(file.mode, 0100755);
        CHECK_EQUAL(file.inode, 3);
    }
    CHECK_OK(find(&archive, "/empty", &file));
    CHECK_EQUAL(file.bytes, 0);
    CHECK_OK(find(&archive, "/bin", &file));
    CHECK_EQUAL(file.mode & INITRD_TYPE, INITRD_DIRECTORY);
    CHECK_OK(find(&archive, "bin/link", &file));
    CHECK_EQUAL(file.mode & INITRD_TYPE, INITRD_LINK);
}

TEST(initrd, not_found)
{
    static const char *const strangers[] = {"hello",      "bin/hell",   "bin/helloo", "bin/hello/x",
                                            "TRAILER!!!", "bin/hello.", "inb/hello"};
    archive_t archive;
    initrd_file_t file = {.bytes = 77};

    init(&archive);
    add_usual(&archive);
    for (unsigned i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
        CHECK_EQUAL(find(&archive, strangers[i], &file), QUIRE_NOT_FOUND);
    CHECK_EQUAL(file.bytes, 77);
}

TEST(initrd, iterated_in_order)
{
    static const char *const names[] = {".", "./bin", "./bin/hello", "empty", "bin/link"};
    archive_t archive;
    initrd_file_t file;
    size_t offset = 0;

    init(&archive);
    add_usual(&archive);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_OK(initrd_next(archive.bytes, archive.size, &offset, &file));
        CHECK(initrd_same_path(file.name, names[i]));
        CHECK(offset <= archive.size);
    }
    CHECK_EQUAL(initrd_next(archive.bytes, archive.size, &offset, &file), QUIRE_NOT_FOUND);
}

/* Linux, too, takes archives one after the other, with zeros between. The last file of a name counts. */
TEST(initrd, concatenated)
{
    archive_t archive;
    initrd_file_t file;

    init(&archive);
    add_usual(&archive);
    archive.size += 512;
    add(&archive, "empty", "not any more", 0100644, 1, 1);
    CHECK_OK(find(&archive, "empty", &file));
    CHECK(holds(&file, "not any more"));
    CHECK_OK(find(&archive, "bin/hello", &file));
}

TEST(initrd, hard_links)
{
    archive_t archive;
    initrd_file_t file;

    init(&archive);
    add(&archive, "first", "", 0100644, 9, 3);
    add(&archive, "other", "other", 0100644, 8, 2);
    add(&archive, "second", "", 0100644, 9, 3);
    add(&archive, "third", "shared", 0100644, 9, 3);
    CHECK_OK(find(&archive, "first", &file));
    CHECK(holds(&file, "shared") && initrd_same_path(file.name, "first"));
    CHECK_OK(find(&archive, "third", &file));
    CHECK(holds(&file, "shared"));
    CHECK_OK(find(&archive, "other", &file));
    CHECK(holds(&file, "other"));
}

/* Nothing that was refused is found afterwards. */
TEST(initrd, judged_before_it_is_added)
{
    const char *name = "initrd-test-file-that-nobody-has";
    archive_t archive;
    initrd_file_t file;

    init(&archive);
    add(&archive, name, "content", 0100644, 1, 1);
    CHECK_EQUAL(initrd_add(archive.bytes, HEADER_BYTES - 1), QUIRE_INVALID);
    archive.bytes[4] = '8';
    CHECK_EQUAL(initrd_add(archive.bytes, archive.size), QUIRE_INVALID);
    CHECK_EQUAL(initrd_find(name, &file), QUIRE_NOT_FOUND);
}

/* All entries of [0, size) lie within it. Returns how many there are. */
static unsigned walk(const archive_t *archive, size_t size)
{
    uintptr_t start = (uintptr_t)archive->bytes;
    initrd_file_t file;
    size_t offset = 0;
    unsigned count = 0;

    while (initrd_next(archive->bytes, size, &offset, &file) == QUIRE_OK) {
        uintptr_t data = (uintptr_t)file.data - start;

        CHECK(offset <= size && data <= size && file.bytes <= size - data);
        CHECK((uintptr_t)file.name - start + length_of(file.name) < size);
        count++;
    }
    return count;
}

TEST(initrd, cut_short)
{
    archive_t archive;
    unsigned last = 0;

    init(&archive);
    add_usual(&archive);
    for (size_t size = 0; size <= archive.size; size++) {
        unsigned count = walk(&archive, size);

        CHECK(count == last || count == last + 1);
        last = count;
    }
    CHECK_EQUAL(last, 5);
}

/* Archives whose last padding is missing are sound. */
TEST(initrd, no_padding_at_the_end)
{
    archive_t archive;
    initrd_file_t file;

    init(&archive);
    add(&archive, "a", "12345", 0100644, 1, 1);
    CHECK_OK(initrd_search(archive.bytes, archive.size - 3, "a", &file));
    CHECK(holds(&file, "12345"));
    CHECK_EQUAL(initrd_search(archive.bytes, archive.size - 4, "a", &file), QUIRE_NOT_FOUND);
}

static void check_field(unsigned field, uint32_t value)
{
    archive_t archive;

    init(&archive);
    add(&archive, "first", "1", 0100644, 1, 1);
    put_hex(archive.bytes + archive.size + 6 + 8 * field, value);
    add(&archive, "second", "2", 0100644, 2, 1);
    put_hex(archive.bytes + 124 + 6 + 8 * field, value);
    CHECK(walk(&archive, archive.size) <= 2);
}

TEST(initrd, lying_sizes)
{
    static const uint32_t values[] = {0, 1, 2, 4096, 4097, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};

    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        check_field(6, values[i]);
        check_field(11, values[i]);
    }
}

TEST(initrd, noise)
{
    archive_t archive;

    init(&archive);
    add_usual(&archive);
    for (unsigned round = 0; round < 1500 * test_effort(); round++) {
        size_t at = (size_t)test_random_below(archive.size);
        char saved = archive.bytes[at];

        archive.bytes[at] = test_random_below(2) ? (char)test_random() : "0123456789abcdefF"[test_random_below(17)];
        CHECK(walk(&archive, archive.size) <= 6); /* without a trailer that is one more */
        archive.bytes[at] = saved;
    }
}
