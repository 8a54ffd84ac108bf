/* SPDX-License-Identifier: MIT */
/* path.c - names tidied and compared. */
#include "test.h"

#include "initrd.h"

#define PATH_BYTES 64
#define MARK       0x5a

static bool same(const char *a, const char *b)
{
    for (; *a != '\0' && *a == *b; a++)
        b++;
    return *a == *b;
}

static size_t copy(char *to, const char *from)
{
    size_t length = 0;

    do
        to[length] = from[length];
    while (from[length++] != '\0');
    return length - 1;
}

TEST(initrd, tidied)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"/", ""},
        {"//./", ""},
        {"a", "a"},
        {"/a", "a"},
        {"a/", "a/"},
        {"/a//./b/../c", "a/c"},
        {"..", ""},
        {"../../a", "a"},
        {"a/..", ""},
        {"a/b/..", "a/"},
        {"a/b/.", "a/b/"},
        {"a/b//", "a/b/"},
        {".a/..b/...", ".a/..b/..."},
        {"data/inner/../small", "data/small"},
    };

    for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char path[PATH_BYTES];

        copy(path, pairs[i][0]);
        initrd_tidy_path(path);
        CHECK(same(path, pairs[i][1]));
    }
}

static bool is_part(const char *part, size_t length)
{
    return length > 0 && !(length == 1 && part[0] == '.') && !(length == 2 && part[0] == '.' && part[1] == '.');
}

/* Parts are names, with one slash between them. */
static void check_tidy(const char *path)
{
    CHECK(path[0] != '/');
    while (*path != '\0') {
        size_t length = 0;

        while (path[length] != '\0' && path[length] != '/')
            length++;
        CHECK(is_part(path, length));
        path += length;
        path += *path == '/';
    }
}

TEST(initrd, tidied_at_random)
{
    for (unsigned round = 0; round < 5000 * test_effort(); round++) {
        char path[PATH_BYTES];
        char before[PATH_BYTES];
        size_t length = (size_t)test_random_below(PATH_BYTES - 1);

        for (size_t i = 0; i < PATH_BYTES; i++)
            path[i] = i < length ? "//...ab"[test_random_below(7)] : MARK;
        path[length] = '\0';
        copy(before, path);
        initrd_tidy_path(path);
        check_tidy(path);
        for (size_t i = length + 1; i < PATH_BYTES; i++)
            CHECK_EQUAL(path[i], MARK);
        copy(before, path);
        initrd_tidy_path(path);
        CHECK(same(before, path));
    }
}

TEST(initrd, same_paths)
{
    static const char *const spellings[] = {"a/b", "/a/b", "./a/./b", "a//b/", "/./a/b/."};
    static const char *const others[] = {"a", "a/bb", "a/b/c", "aa/b", "ab", "", "a/.b"};

    for (unsigned i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        CHECK(initrd_same_path(spellings[i], "a/b") && initrd_same_path("a/b", spellings[i]));
        for (unsigned j = 0; j < sizeof(others) / sizeof(others[0]); j++)
            CHECK(!initrd_same_path(spellings[i], others[j]) && !initrd_same_path(others[j], spellings[i]));
    }
    CHECK(initrd_same_path("", "/") && initrd_same_path(".", "//./"));
}
