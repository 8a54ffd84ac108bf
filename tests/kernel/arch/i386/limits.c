/* SPDX-License-Identifier: MIT */
/*
 * limits.c - to the edge of a segment, and one byte further.
 *
 * Two tables: what every emulator checks (selectors, and what the kernel itself checks), and what needs one that checks
 * limits and types at each access: Debian's bochs does, QEMU's TCG does not.
 */
#include "segmented.h"

#define SURVIVED 7

static void probe(const char *name, int expected)
{
    CHECK_EQUAL(segmented_finish(segmented_start("segment-limits", WORDS(name))), expected);
}

TEST(segments, inside_works)
{
    static const char *const names[] = {"read-last",    "write-last",    "own-selector", "stack-deep",
                                        "after-growth", "kernel-copies", "thread-area"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        probe(names[i], SURVIVED);
}

TEST(segments, selectors_of_others_are_refused)
{
    static const char *const names[] = {"flat-selector", "kernel-selector", "code-as-data", "selector-beyond",
                                        "null-stack"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        probe(names[i], STATUS_SEGV);
}

TEST(segments, expand_down_inside)
{
    CHECK_EQUAL(segmented_finish(segmented_start("segment-expand", WORDS("in"))), SURVIVED);
}

TEST(segments, limits_to_the_byte)
{
    static const char *const names[] = {"read-beyond",   "write-beyond", "write-across",   "read-top",
                                        "string-beyond", "jump-beyond",  "after-shrinking"};

    segmented_need_limits();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        probe(names[i], STATUS_SEGV);
}

TEST(segments, types_at_each_access)
{
    segmented_need_limits();
    probe("write-code", STATUS_SEGV);
    probe("read-code", STATUS_SEGV);
}

TEST(segments, null_selector_may_be_loaded_and_not_used)
{
    segmented_need_limits();
    probe("null-selector", STATUS_SEGV);
}

TEST(segments, stack_overflow_meets_the_limit)
{
    segmented_need_limits();
    probe("stack-overflow", STATUS_SEGV);
}

TEST(segments, expand_down_to_the_byte)
{
    segmented_need_limits();
    CHECK_EQUAL(segmented_finish(segmented_start("segment-expand", WORDS("out"))), STATUS_SEGV);
    CHECK_EQUAL(segmented_finish(segmented_start("segment-expand", WORDS("top"))), STATUS_SEGV);
}

/* The bitmap at its edges: each byte of an access counts, and what was not granted is not given beside it. Wants the
   boot word ports=0x300-0x33f. */
TEST(segments, ports_at_the_edges)
{
    static const struct {
        const char *first, *count, *port, *width;
        int status;
    } probes[] = {
        {"0x308", "1", "0x308", "1", 0},           {"0x308", "1", "0x308", "2", STATUS_SEGV},
        {"0x307", "1", "0x307", "2", STATUS_SEGV}, {"0x307", "2", "0x307", "2", 0},
        {"0x305", "4", "0x305", "4", 0},           {"0x305", "3", "0x305", "4", STATUS_SEGV},
        {"0x306", "3", "0x305", "4", STATUS_SEGV}, {"0x33f", "1", "0x33f", "1", 0},
        {"0x33f", "1", "0x33f", "2", STATUS_SEGV}, {"0x33c", "4", "0x33c", "4", 0},
        {"0x33c", "4", "0x33d", "4", STATUS_SEGV}, {"0x33e", "2", "0x33e", "2", 0},
    };

    for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
        const char *const words[] = {"grant", probes[i].first, probes[i].count, probes[i].port, probes[i].width};

        CHECK_EQUAL(segmented_finish(segmented_start("ports", words)), probes[i].status);
    }
}
