/* SPDX-License-Identifier: MIT */
/*
 * operand.c - what memory an instruction would touch.
 *
 * Problem: a fault against a limit names neither segment nor offset (its error code is 0). Idea: read the instruction
 * as the CPU did: prefixes, opcode, ModRM and SIB with 32-bit addressing (SDM volume 2, 2.1 and tables 2-2 and 2-3),
 * and the opcodes whose operand is implied: string moves, PUSH, POP, CALL, RET, and MOV with an address of its own.
 *
 * Invariant: at most 15 bytes are looked at, all of them given. What is not known gives no operand rather than a guess;
 * the width and direction of rare instructions may be said wrongly, the address not.
 *
 * Rejected: a disassembler. Nothing but the report of a process's end depends on it.
 */
#include "operand.h"

#define REGISTER_ESP 4
#define REGISTER_EBP 5

typedef struct reader {
    const trap_frame_t *frame;
    const uint8_t *code;
    unsigned at;
    unsigned width;       /* of an operand that is not a byte */
    int override;         /* segment register, -1: none */
    bool short_addresses; /* 16-bit addressing: not read */
} reader_t;

enum { SEGMENT_ES, SEGMENT_CS, SEGMENT_SS, SEGMENT_DS, SEGMENT_FS, SEGMENT_GS };

static uint8_t next(reader_t *reader)
{
    return reader->at < INSTRUCTION_BYTES ? reader->code[reader->at++] : 0;
}

static uint32_t next_number(reader_t *reader, unsigned bytes)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)next(reader) << (8 * i);
    return value;
}

static uint32_t register_value(const trap_frame_t *frame, unsigned number)
{
    const uint32_t values[8] = {frame->eax, frame->ecx, frame->edx, frame->ebx,
                                frame->esp, frame->ebp, frame->esi, frame->edi};

    return values[number & 7];
}

static uint16_t selector_of(const trap_frame_t *frame, int segment)
{
    const uint32_t selectors[6] = {frame->es, frame->cs, frame->ss, frame->ds, frame->fs, frame->gs};

    return (uint16_t)selectors[segment];
}

static operand_t operand_at(const reader_t *reader, int segment, uint32_t offset, uint32_t bytes, bool write)
{
    return (operand_t){selector_of(reader->frame, segment), segment == SEGMENT_SS, write, offset, bytes};
}

static int data_segment(const reader_t *reader, bool by_stack)
{
    if (reader->override >= 0)
        return reader->override;
    return by_stack ? SEGMENT_SS : SEGMENT_DS;
}

static bool read_prefix(reader_t *reader)
{
    static const uint8_t overrides[6] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
    uint8_t byte = reader->code[reader->at];

    for (int i = 0; i < 6; i++) {
        if (byte == overrides[i])
            reader->override = i;
    }
    if (byte == 0x66)
        reader->width = 2;
    if (byte == 0x67)
        reader->short_addresses = true;
    return byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || (byte >= 0x64 && byte <= 0x67) ||
           byte == 0xf0 || byte == 0xf2 || byte == 0xf3;
}

/* The address of a SIB byte's operand; *base is the register that chooses the segment. */
static uint32_t read_index(reader_t *reader, unsigned mode, unsigned *base)
{
    uint8_t sib = next(reader);
    unsigned index = sib >> 3 & 7;
    uint32_t offset = index == REGISTER_ESP ? 0 : register_value(reader->frame, index) << (sib >> 6);

    *base = sib & 7;
    if (*base == REGISTER_EBP && mode == 0) {
        *base = 0; /* no base: DS */
        return offset + next_number(reader, 4);
    }
    return offset + register_value(reader->frame, *base);
}

/* False: the operand is a register. */
static bool read_modrm(reader_t *reader, uint8_t modrm, int *segment, uint32_t *offset)
{
    unsigned mode = modrm >> 6;
    unsigned base = modrm & 7;
    uint32_t at;

    if (mode == 3)
        return false;
    if (base == REGISTER_ESP) {
        at = read_index(reader, mode, &base);
    } else if (base == REGISTER_EBP && mode == 0) {
        base = 0;
        at = next_number(reader, 4);
    } else {
        at = register_value(reader->frame, base);
    }
    if (mode == 1)
        at += (uint32_t)(int8_t)next(reader);
    if (mode == 2)
        at += next_number(reader, 4);
    *segment = data_segment(reader, base == REGISTER_ESP || base == REGISTER_EBP);
    *offset = at;
    return true;
}

static bool has_modrm(uint8_t opcode)
{
    if (opcode < 0x40)
        return (opcode & 7) < 4;
    if (opcode >= 0x80 && opcode < 0x90)
        return true;
    return opcode == 0x62 || opcode == 0x63 || opcode == 0x69 || opcode == 0x6b || opcode == 0xc0 || opcode == 0xc1 ||
           (opcode >= 0xc4 && opcode <= 0xc7) || (opcode >= 0xd0 && opcode <= 0xd3) ||
           (opcode >= 0xd8 && opcode <= 0xdf) || opcode == 0xf6 || opcode == 0xf7 || opcode == 0xfe || opcode == 0xff;
}

/* Of the two-byte opcodes: most have one. */
static bool has_modrm_extended(uint8_t opcode)
{
    return !((opcode >= 0x05 && opcode <= 0x0b) || (opcode >= 0x30 && opcode <= 0x37) || opcode == 0x77 ||
             (opcode >= 0x80 && opcode <= 0x8f) || (opcode >= 0xa0 && opcode <= 0xa2) ||
             (opcode >= 0xa8 && opcode <= 0xaa) || opcode >= 0xc8);
}

static bool writes(uint8_t opcode, unsigned extension)
{
    if (opcode < 0x38)
        return (opcode & 7) < 2;
    if (opcode >= 0x80 && opcode <= 0x83)
        return extension != 7;
    if (opcode == 0xf6 || opcode == 0xf7)
        return extension == 2 || extension == 3;
    if (opcode == 0xfe || opcode == 0xff)
        return extension < 2;
    return (opcode >= 0x86 && opcode <= 0x89) || opcode == 0x8c || opcode == 0x8f || (opcode & 0xfe) == 0xc0 ||
           (opcode & 0xfe) == 0xc6 || (opcode >= 0xd0 && opcode <= 0xd3);
}

static uint32_t width_of(const reader_t *reader, uint8_t opcode)
{
    bool byte = opcode < 0x40 || opcode >= 0xc0 || (opcode >= 0x80 && opcode <= 0x8a && opcode != 0x83);

    if (opcode == 0x8c || opcode == 0x8e)
        return 2;
    return byte && (opcode & 1) == 0 ? 1 : reader->width;
}

/* The stack's own end of PUSH, POP, CALL and RET: 0 if there is none. */
static unsigned stack_operand(const reader_t *reader, uint8_t opcode, unsigned extension, operand_t *operand)
{
    uint32_t bytes = opcode == 0x60 ? 8 * reader->width : reader->width;
    bool push = (opcode >= 0x50 && opcode < 0x58) || opcode == 0x60 || opcode == 0x68 || opcode == 0x6a ||
                opcode == 0x9c || opcode == 0xe8 || (opcode == 0xff && (extension == 2 || extension == 6));
    bool pop = (opcode >= 0x58 && opcode < 0x60) || opcode == 0x61 || opcode == 0x8f || opcode == 0x9d ||
               opcode == 0xc2 || opcode == 0xc3 || opcode == 0xc9;
    uint32_t top = opcode == 0xc9 ? reader->frame->ebp : reader->frame->esp;

    if (!push && !pop)
        return 0;
    *operand = operand_at(reader, SEGMENT_SS, push ? top - bytes : top, bytes, push);
    return 1;
}

/* A4 to AF: from DS:ESI, to ES:EDI, or both. */
static unsigned string_operands(const reader_t *reader, uint8_t opcode, operand_t operands[OPERANDS_MAX])
{
    uint32_t bytes = opcode & 1 ? reader->width : 1;
    unsigned kind = opcode & 0xfe;
    bool both = kind == 0xa4 || kind == 0xa6;
    bool writes_target = kind == 0xa4 || kind == 0xaa;
    unsigned count = 0;

    if (both || kind == 0xac)
        operands[count++] = operand_at(reader, data_segment(reader, false), reader->frame->esi, bytes, false);
    if (both || kind == 0xaa || kind == 0xae)
        operands[count++] = operand_at(reader, SEGMENT_ES, reader->frame->edi, bytes, writes_target);
    return count;
}

static unsigned extended_operands(reader_t *reader, operand_t operands[OPERANDS_MAX], unsigned *segment_register)
{
    uint8_t opcode = next(reader);
    uint32_t offset;
    int segment;

    if (opcode == 0xa1 || opcode == 0xa9)
        *segment_register = opcode == 0xa1 ? SEGMENT_FS : SEGMENT_GS;
    if (!has_modrm_extended(opcode) || !read_modrm(reader, next(reader), &segment, &offset))
        return 0;
    if (opcode == 0xb6 || opcode == 0xbe || (opcode & 0xf0) == 0x90)
        operands[0] = operand_at(reader, segment, offset, 1, (opcode & 0xf0) == 0x90);
    else if (opcode == 0xb7 || opcode == 0xbf)
        operands[0] = operand_at(reader, segment, offset, 2, false);
    else
        operands[0] = operand_at(reader, segment, offset, reader->width,
                                 opcode == 0x11 || opcode == 0x29 || opcode == 0x7f || opcode == 0xab);
    return 1;
}

static unsigned plain_operands(reader_t *reader, uint8_t opcode, operand_t operands[OPERANDS_MAX],
                               unsigned *segment_register)
{
    uint8_t modrm = has_modrm(opcode) ? next(reader) : 0;
    unsigned extension = modrm >> 3 & 7;
    unsigned count = stack_operand(reader, opcode, extension, &operands[0]);
    uint32_t offset;
    int segment;

    if (opcode == 0x8e)
        *segment_register = extension;
    if (opcode == 0x07 || opcode == 0x17 || opcode == 0x1f)
        *segment_register = opcode >> 3;
    if (opcode == 0x9a || opcode == 0xea)
        *segment_register = SEGMENT_CS;
    if (opcode >= 0xa0 && opcode < 0xa4)
        operands[count++] = operand_at(reader, data_segment(reader, false), next_number(reader, 4),
                                       opcode & 1 ? reader->width : 1, opcode >= 0xa2);
    else if (opcode >= 0xa4 && opcode < 0xb0 && (opcode & 0xfe) != 0xa8)
        count = string_operands(reader, opcode, operands);
    else if (has_modrm(opcode) && opcode != 0x8d && read_modrm(reader, modrm, &segment, &offset))
        operands[count++] = operand_at(reader, segment, offset, width_of(reader, opcode), writes(opcode, extension));
    return count;
}

unsigned operand_decode(const trap_frame_t *frame, const uint8_t code[INSTRUCTION_BYTES],
                        operand_t operands[OPERANDS_MAX], unsigned *segment_register)
{
    reader_t reader = {.frame = frame, .code = code, .width = 4, .override = -1};
    uint8_t opcode;

    *segment_register = OPERAND_NO_REGISTER;
    while (reader.at < INSTRUCTION_BYTES - 1 && read_prefix(&reader))
        reader.at++;
    if (reader.short_addresses)
        return 0;
    opcode = next(&reader);
    if (opcode == 0x0f)
        return extended_operands(&reader, operands, segment_register);
    return plain_operands(&reader, opcode, operands, segment_register);
}
