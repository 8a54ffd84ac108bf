/* SPDX-License-Identifier: MIT */
/* operands.c - instructions whose memory operands are known, and bytes that are no instructions at all. */
#include "operand.h"
#include "test.h"

enum { ES = 0x17, DS = 0x1f, SS = 0x27, FS = 0x2f };

static const trap_frame_t frame = {.fs = FS,
                                   .es = ES,
                                   .ds = DS,
                                   .ss = SS,
                                   .edi = 0x7000,
                                   .esi = 0x6000,
                                   .ebp = 0x5000,
                                   .esp = 0x4000,
                                   .ebx = 0x3000,
                                   .edx = 0x20,
                                   .ecx = 0x10,
                                   .eax = 0x1000};

typedef struct known {
    uint8_t code[INSTRUCTION_BYTES];
    uint16_t selector;
    uint32_t offset;
    uint8_t bytes;
    bool write;
} known_t;

static const known_t list[] = {
    {{0x8b, 0x00}, DS, 0x1000, 4, false},                               /* mov (%eax), %eax */
    {{0x89, 0x45, 0xfc}, SS, 0x4ffc, 4, true},                          /* mov %eax, -4(%ebp) */
    {{0x8a, 0x04, 0x24}, SS, 0x4000, 1, false},                         /* mov (%esp), %al */
    {{0x66, 0x89, 0x03}, DS, 0x3000, 2, true},                          /* mov %ax, (%ebx) */
    {{0xc6, 0x05, 0x78, 0x56, 0x34, 0x12, 1}, DS, 0x12345678, 1, true}, /* movb $1, 0x12345678 */
    {{0x64, 0xa1, 4, 0, 0, 0}, FS, 4, 4, false},                        /* mov %fs:4, %eax */
    {{0x8b, 0x44, 0x8b, 0x08}, DS, 0x3048, 4, false},                   /* mov 8(%ebx,%ecx,4), %eax */
    {{0x8b, 0x04, 0x55, 0, 1, 0, 0}, DS, 0x140, 4, false},              /* mov 0x100(,%edx,2), %eax */
    {{0x36, 0x8b, 0x00}, SS, 0x1000, 4, false},                         /* mov %ss:(%eax), %eax */
    {{0x50}, SS, 0x3ffc, 4, true},                                      /* push %eax */
    {{0x58}, SS, 0x4000, 4, false},                                     /* pop %eax */
    {{0xe8, 0, 0, 0, 0}, SS, 0x3ffc, 4, true},                          /* call */
    {{0xc3}, SS, 0x4000, 4, false},                                     /* ret */
    {{0xaa}, ES, 0x7000, 1, true},                                      /* stosb */
    {{0xf3, 0xab}, ES, 0x7000, 4, true},                                /* rep stosl */
    {{0xac}, DS, 0x6000, 1, false},                                     /* lodsb */
    {{0x0f, 0xb6, 0x00}, DS, 0x1000, 1, false},                         /* movzbl (%eax), %eax */
    {{0x83, 0x38, 0x00}, DS, 0x1000, 4, false},                         /* cmpl $0, (%eax) */
    {{0x83, 0x00, 0x01}, DS, 0x1000, 4, true},                          /* addl $1, (%eax) */
    {{0x01, 0x80, 0, 0, 1, 0}, DS, 0x11000, 4, true},                   /* add %eax, 0x10000(%eax) */
};

TEST(segments, operands_of_known_instructions)
{
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        operand_t operands[OPERANDS_MAX];
        unsigned segment_register;

        CHECK_EQUAL(operand_decode(&frame, list[i].code, operands, &segment_register), 1);
        CHECK_EQUAL(segment_register, OPERAND_NO_REGISTER);
        CHECK_EQUAL(operands[0].selector, list[i].selector);
        CHECK_EQUAL(operands[0].offset, list[i].offset);
        CHECK_EQUAL(operands[0].bytes, list[i].bytes);
        CHECK_EQUAL(operands[0].write, list[i].write);
        CHECK_EQUAL(operands[0].stack, list[i].selector == SS);
    }
}

TEST(segments, operands_of_moves_and_loads)
{
    static const uint8_t move[INSTRUCTION_BYTES] = {0xa5};
    static const uint8_t load[INSTRUCTION_BYTES] = {0x8e, 0xd0}; /* mov %eax, %ss */
    static const uint8_t address[INSTRUCTION_BYTES] = {0x8d, 0x00};
    operand_t operands[OPERANDS_MAX];
    unsigned segment_register;

    CHECK_EQUAL(operand_decode(&frame, move, operands, &segment_register), 2);
    CHECK(operands[0].selector == DS && !operands[0].write && operands[1].selector == ES && operands[1].write);
    CHECK_EQUAL(operand_decode(&frame, load, operands, &segment_register), 0);
    CHECK_EQUAL(segment_register, 2);
    CHECK_EQUAL(operand_decode(&frame, address, operands, &segment_register), 0);
}

TEST(segments, bytes_that_are_no_instruction)
{
    for (unsigned i = 0; i < 50000 * test_effort(); i++) {
        uint8_t code[INSTRUCTION_BYTES];
        operand_t operands[OPERANDS_MAX];
        unsigned segment_register;

        for (unsigned at = 0; at < INSTRUCTION_BYTES; at++)
            code[at] = (uint8_t)test_random();
        CHECK(operand_decode(&frame, code, operands, &segment_register) <= OPERANDS_MAX);
        CHECK(segment_register <= OPERAND_NO_REGISTER);
    }
}
