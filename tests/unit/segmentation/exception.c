/* SPDX-License-Identifier: MIT */
/* exception.c - the exceptions of protection: what the error code names, and what the instruction tells. */
#include <quire/segmentation.h>

#include "string.h"
#include "test.h"

#define TEXT_BYTES 512

static char text[TEXT_BYTES];
static uint64_t gdt[4];
static uint64_t idt[32];

static bool contains(const char *words)
{
    for (const char *from = text; *from != '\0'; from++) {
        size_t at = 0;

        while (words[at] != '\0' && from[at] == words[at])
            at++;
        if (words[at] == '\0')
            return true;
    }
    return false;
}

static void tells(const quire_exception_t *exception, const char *words)
{
    size_t length = quire_exception_explain(exception, text, sizeof(text));

    CHECK(length > 0 && length < sizeof(text) - 1);
    CHECK_EQUAL(text[length], '\0');
    CHECK(contains(words));
}

static void put_segment(unsigned index, quire_segment_t segment)
{
    uint64_t words[2];
    unsigned count;

    CHECK_OK(quire_segment_encode(&segment, words, &count));
    gdt[index] = words[0];
}

static quire_exception_t protection(uint32_t code)
{
    memset(gdt, 0, sizeof(gdt));
    memset(idt, 0, sizeof(idt));
    put_segment(1, (quire_segment_t){.kind = QUIRE_SEGMENT_CODE, .limit_bytes = (uint64_t)1 << 32, .readable = true});
    put_segment(2, (quire_segment_t){.kind = QUIRE_SEGMENT_DATA, .limit_bytes = (uint64_t)1 << 32});
    return (quire_exception_t){.vector = 13,
                               .error_code = code,
                               .tables = {.global = gdt, .global_bytes = sizeof(gdt)},
                               .interrupts = idt,
                               .interrupt_bytes = sizeof(idt)};
}

TEST(segmentation, an_exception_with_a_selector_is_explained)
{
    static const uint8_t to_data[] = {0x8E, 0xD8};
    static const uint8_t to_stack[] = {0x66, 0x8E, 0xD0};
    quire_exception_t exception = protection(0x48);

    tells(&exception, "selector 0x48, entry 9 of the GDT\n  likely: it lies beyond the table's limit");
    exception = protection(0x18);
    tells(&exception, "likely: its entry of the table is empty");
    exception = protection(0x10);
    exception.code = to_stack;
    exception.code_bytes = sizeof(to_stack);
    tells(&exception, "SS takes writable data segments only");
    exception.ring = 3;
    exception.code = to_data;
    exception.code_bytes = sizeof(to_data);
    tells(&exception, "the segment belongs to a more privileged ring");
    exception = protection(0x10);
    gdt[2] &= ~((uint64_t)1 << 47);
    exception.vector = 11;
    tells(&exception, "its descriptor is not present");
    exception = protection(0x0C);
    tells(&exception, "entry 1 of the LDT\n  likely: it leads nowhere that this instruction may go");
    exception = protection(0x10);
    exception.tables.global = NULL;
    tells(&exception, "leads nowhere");
    exception.vector = 11;
    tells(&exception, "names a segment that is not present");
    exception.vector = 10;
    tells(&exception, "a segment that the task state names");
}

TEST(segmentation, an_exception_with_a_gate_is_explained)
{
    const quire_gate_t gate = {.kind = QUIRE_GATE_INTERRUPT, .offset = 0x1000, .selector = 8};
    quire_exception_t exception = protection(3 * 8 + 2);
    uint64_t words[2];
    unsigned count;

    tells(&exception, "vector 3 of the IDT\n  likely: there is no such gate");
    exception.error_code = 200 * 8 + 3;
    tells(&exception, "vector 200 of the IDT, on the way to deliver another event\n  likely: it lies beyond the limit");
    CHECK_OK(quire_gate_encode(&gate, words, &count));
    idt[3] = words[0];
    exception.error_code = 3 * 8 + 2;
    exception.ring = 3;
    tells(&exception, "this ring may not use that gate by INT");
    exception.ring = 0;
    tells(&exception, "the code segment that the gate names");
    idt[3] &= ~((uint64_t)1 << 47);
    tells(&exception, "the gate is not present");
    idt[3] = gdt[1];
    tells(&exception, "is not a gate for interrupts");
}

/* The instruction tells. */
static void at_code(unsigned ring, bool long_mode, const uint8_t *code, size_t bytes, const char *words)
{
    quire_exception_t exception = protection(0);

    exception.ring = (uint8_t)ring;
    exception.long_mode = long_mode;
    exception.code = code;
    exception.code_bytes = bytes;
    tells(&exception, words);
}

TEST(segmentation, an_exception_without_a_selector_is_explained_by_the_instruction)
{
    at_code(3, false, (const uint8_t[]){0xF4}, 1, "an instruction that ring 0 alone may execute");
    at_code(3, true, (const uint8_t[]){0x48, 0x0F, 0x22, 0xD8}, 4, "an instruction that ring 0 alone may execute");
    at_code(3, false, (const uint8_t[]){0x0F, 0x01, 0x10}, 3, "an instruction that ring 0 alone may execute");
    at_code(3, false, (const uint8_t[]){0xFA}, 1, "CLI and STI");
    at_code(3, false, (const uint8_t[]){0xEC}, 1, "an I/O port");
    at_code(0, false, (const uint8_t[]){0x0F, 0x22, 0xC0}, 3, "a value that this control register refuses");
    at_code(0, true, (const uint8_t[]){0x0F, 0x30}, 2, "a model-specific register");
    at_code(0, true, (const uint8_t[]){0x48, 0xCF}, 2, "what it returns to");
    at_code(0, false, (const uint8_t[]){0x0F}, 1, "beyond its segment's limit");
    at_code(0, false, NULL, 0, "beyond its segment's limit");
    at_code(0, true, (const uint8_t[]){0x8B, 0x00}, 2, "an SSE operand that is not aligned");
}

TEST(segmentation, a_register_without_an_address_is_named)
{
    static const char *const names[] = {"rax", "rbx"};
    static const uint64_t values[] = {0xffff800000000000u, 0x8000000000000u};
    quire_exception_t exception = protection(0);

    exception.long_mode = true;
    exception.names = names;
    exception.values = values;
    exception.registers = 2;
    tells(&exception, "rbx holds 0x8000000000000, which is no address (not canonical)");
    exception.vector = 12;
    tells(&exception, "rbx holds");
    exception.address_bits = 57;
    tells(&exception, "stack or frame pointer that is not canonical");
    exception.long_mode = false;
    tells(&exception, "leads out of the stack's segment");
    exception.vector = 8;
    tells(&exception, "a fault could not be delivered");
}

/* Any bytes. */
TEST(segmentation, nonsense_is_explained_too)
{
    static uint64_t words[64];
    static const char *const names[] = {"rax"};

    for (unsigned i = 0; i < 3000; i++) {
        for (unsigned j = 0; j < 64; j++)
            words[j] = test_random();
        const quire_exception_t exception = {
            .vector = (uint8_t)test_random_below(20),
            .error_code = (uint32_t)test_random() >> test_random_below(32),
            .ring = (uint8_t)test_random_below(4),
            .long_mode = test_random_below(2) == 0,
            .tables = {words, (size_t)test_random_below(257), words + 32, (size_t)test_random_below(257)},
            .interrupts = words + 32,
            .interrupt_bytes = (size_t)test_random_below(257),
            .code = (const uint8_t *)words,
            .code_bytes = (size_t)test_random_below(16),
            .names = names,
            .values = words,
            .registers = 1};
        size_t size = (size_t)test_random_below(sizeof(text) + 1);

        CHECK(quire_exception_explain(&exception, text, size) <= (size == 0 ? 0 : size - 1));
    }
    CHECK_EQUAL(quire_exception_explain(&(quire_exception_t){.vector = 14}, text, sizeof(text)), 0);
}
