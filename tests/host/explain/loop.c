/* SPDX-License-Identifier: MIT */
/* loop.c - tables that contain themselves in every entry: an answer comes, and in time. */
#include <quire/explain.h>

#include <string.h>

#include "test.h"

static const void *read_the_one_table(void *context, quire_frame_t frame)
{
    (void)frame;
    return context;
}

static void check_loop(const quire_format_t *format)
{
    static uint64_t table[QUIRE_PAGE_BYTES / sizeof(uint64_t)];
    static char text[1024];
    quire_preflight_t flight = {.format = format, .cr3 = 0x1000, .read = read_the_one_table, .context = table};
    bool wide = quire_format_levels(format) > 2;

    for (unsigned i = 0; i < QUIRE_PAGE_BYTES / sizeof(uint64_t); i++)
        table[i] = quire_format_levels(format) == 3 ? 0x1001 : wide ? 0x1007 : 0x100700001007;
    CHECK_OK(quire_preflight_check(&flight, text, sizeof(text)));
    CHECK_EQUAL(text[0] != '\0', quire_format_levels(format) > 3);
    CHECK(text[0] == '\0' || strstr(text, "the rest of them was not looked at") != NULL);
}

TEST(explain, tables_that_contain_themselves)
{
    check_loop(&quire_format_x86_32);
    check_loop(&quire_format_x86_pae);
    check_loop(&quire_format_x86_4level);
    check_loop(&quire_format_x86_5level);
}
