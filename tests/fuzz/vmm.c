/* SPDX-License-Identifier: MIT */
/*
 * vmm.c - any sequence of a space's calls, with any arguments.
 *
 * The input is a programme: a format, then calls on three spaces, of which any may be forked from another. Arguments
 * are mostly pages near the place where tables of several levels meet, so that calls meet each other's work, and
 * sometimes any number at all. There is little memory. Looked for, after each call:
 *
 *   - an answer that the call does not have
 *   - a call that failed and yet changed how many pages are taken, or an out-parameter
 *   - a space that does not pass its check, and now and then all trees together, each frame's references among them
 *   - a copy that says what peek does not
 *   - anything lost when all is over
 */
#include "machine/machine.h"

#define SPACES    3
#define STEPS_MAX 64
#define START     ((quire_va_t)0x10000)
#define END       ((quire_va_t)0xa0000000u)
#define SEAM      ((quire_va_t)1 << 30)
#define UNTOUCHED ((quire_va_t)0x5a5a5)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const uint8_t *data;
    size_t size;
} input_t;

/* The kernel's tree is the machine's; only its address is asked of this. */
static quire_space_t kernel;
static quire_space_t spaces[SPACES];
static uint32_t next_id;

static unsigned next(input_t *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

static uint64_t any_number(input_t *input)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | next(input);
    return number;
}

static quire_va_t next_address(input_t *input)
{
    unsigned choice = next(input);

    if (choice >= 0xf0)
        return (quire_va_t)any_number(input);
    if (choice >= 0xe0)
        return choice % 2 == 0 ? START + (choice % 16) * PAGE : END - (choice % 16) * PAGE;
    return SEAM - 16 * PAGE + (choice % 32) * PAGE + (choice >= 0xd0 ? choice : 0);
}

static size_t next_bytes(input_t *input)
{
    unsigned choice = next(input);

    if (choice >= 0xf8)
        return (size_t)any_number(input);
    if (choice >= 0xf0)
        return (size_t)1 << (21 + choice % 8);
    return (size_t)(choice % 16) * QUIRE_PAGE_BYTES + choice / 16 * 17;
}

/* Mostly a protection, sometimes with bits that mean nothing. */
static unsigned next_prot(input_t *input)
{
    unsigned choice = next(input);

    return choice >= 0xf0 ? choice << 1 : choice % 8;
}

/* --- what must hold --- */

static quire_table_t *table_at(const void *context, size_t index)
{
    (void)context;
    return index < TREES ? &machine.trees[index] : &spaces[index - TREES].table;
}

/* The bits of `allowed` are the statuses that the call may answer. */
static void judge(const quire_space_t *space, size_t before, quire_status_t status, unsigned allowed)
{
    if ((1u << status & (allowed | 1u << QUIRE_OK)) == 0)
        found("a call answered what it cannot answer");
    if (status != QUIRE_OK && space->reserved_pages != before)
        found("a call that failed changed what is taken");
}

#define MAY(status) (1u << QUIRE_##status)

static void reserve(input_t *input, quire_space_t *space)
{
    quire_va_t at = next_address(input);
    size_t bytes = next_bytes(input);
    unsigned prot = next_prot(input);
    unsigned flags = next(input) % 12;
    size_t before = space->reserved_pages;
    quire_va_t va = UNTOUCHED;
    quire_status_t status = quire_vmm_reserve(space, at, bytes, prot, flags, &va);

    judge(space, before, status, MAY(INVALID) | MAY(EXISTS) | MAY(NO_SPACE) | MAY(NO_MEMORY));
    if ((status == QUIRE_OK) == (va == UNTOUCHED))
        found("an address was given in vain, or not at all");
    if (status == QUIRE_OK && (va < START || va >= END || bytes > END - va))
        found("an address outside of the space was given");
}

static void move(input_t *input, quire_space_t *space)
{
    quire_va_t old = next_address(input);
    size_t old_bytes = next_bytes(input);
    size_t new_bytes = next_bytes(input);
    unsigned flags = next(input) % 5;
    quire_va_t at = next_address(input);
    size_t before = space->reserved_pages;
    quire_va_t va = UNTOUCHED;
    quire_status_t status = quire_vmm_move(space, old, old_bytes, new_bytes, flags, at, &va);

    judge(space, before, status, MAY(INVALID) | MAY(NOT_FOUND) | MAY(NO_SPACE) | MAY(NO_MEMORY));
    if ((status == QUIRE_OK) == (va == UNTOUCHED))
        found("an address was given in vain, or not at all");
}

/* Unmap, protect, discard, populate. */
static void change_range(input_t *input, quire_space_t *space, unsigned call)
{
    quire_va_t va = next_address(input);
    size_t bytes = next_bytes(input);
    unsigned prot = next_prot(input);
    unsigned key = next(input) % 18;
    size_t before = space->reserved_pages;
    quire_status_t status;

    if (call == 0)
        status = quire_vmm_unmap(space, va, bytes);
    else if (call == 1)
        status = quire_vmm_protect(space, va, bytes, prot);
    else if (call == 2)
        status = quire_vmm_protect_key(space, va, bytes, prot, key);
    else if (call == 3)
        status = quire_vmm_discard(space, va, bytes);
    else
        status = quire_vmm_populate(space, va, bytes);
    judge(space, before, status,
          MAY(INVALID) | MAY(NOT_FOUND) | MAY(NO_MEMORY) | MAY(DENIED) | (call == 2 ? MAY(UNSUPPORTED) : 0));
}

static void fault(input_t *input, quire_space_t *space)
{
    quire_va_t va = next_address(input);
    unsigned access = next(input);
    size_t before = space->reserved_pages;

    judge(space, before, quire_vmm_fault(space, va, access % 16 * QUIRE_ACCESS_WRITE),
          MAY(NOT_FOUND) | MAY(DENIED) | MAY(NO_MEMORY));
}

/* What was written is there, as far as it was written. */
static void check_written(quire_space_t *space, quire_va_t to, const uint8_t *from, size_t bytes)
{
    static uint8_t back[2 * QUIRE_PAGE_BYTES];

    if (bytes != 0 && quire_vmm_peek(space, back, to, bytes) != QUIRE_OK)
        found("what was written cannot be looked at");
    for (size_t i = 0; i < bytes; i++) {
        if (back[i] != from[i])
            found("what was written is not there");
    }
}

static void copy(input_t *input, quire_space_t *space, unsigned call)
{
    static uint8_t buffer[2 * QUIRE_PAGE_BYTES];
    quire_va_t va = next_address(input);
    size_t bytes = next_bytes(input) % (sizeof(buffer) + 1);
    size_t before = space->reserved_pages;
    size_t copied = 0;
    size_t length;
    quire_status_t status;

    for (size_t i = 0; i < bytes; i++)
        buffer[i] = (uint8_t)(i * 7 + va);
    if (call == 0)
        status = quire_vmm_copy_to_user(space, va, buffer, bytes, &copied);
    else if (call == 1)
        status = quire_vmm_copy_from_user(space, buffer, va, bytes, &copied);
    else if (call == 2)
        status = quire_vmm_copy_string_from_user(space, (char *)buffer, va, bytes, &length);
    else if (call == 3)
        status = quire_vmm_clear_user(space, va, bytes);
    else
        status = quire_vmm_poke(space, va, buffer, bytes);
    judge(space, before, status, MAY(NOT_FOUND) | MAY(DENIED) | MAY(NO_MEMORY) | (call == 2 ? MAY(NO_SPACE) : 0));
    if (copied > bytes || (call < 2 && status == QUIRE_OK && copied != bytes))
        found("a copy says that it did more than asked, or less");
    if (call < 2)
        check_written(space, va, buffer, copied);
}

/* Another process in the place of this one: empty, or like `from`. */
static void replace(input_t *input, unsigned which)
{
    unsigned from = next(input) % (SPACES + 1);
    quire_space_t *space = &spaces[which];
    uint32_t id = ++next_id;

    if (from == which)
        return;
    quire_vmm_destroy(space);
    if (from < SPACES) {
        quire_status_t status = quire_vmm_fork(&spaces[from], space, id);

        if (status == QUIRE_OK)
            return;
        if (status != QUIRE_NO_MEMORY)
            found("a fork was refused");
    }
    if (quire_vmm_create(space, &kernel, id, START, END) != QUIRE_OK)
        found("no memory for an empty space, where a space was just destroyed");
}

static void step(input_t *input)
{
    unsigned operation = next(input) % 16;
    unsigned which = next(input) % SPACES;
    quire_space_t *space = &spaces[which];

    if (operation < 3)
        reserve(input, space);
    else if (operation < 5)
        move(input, space);
    else if (operation < 10)
        change_range(input, space, operation - 5);
    else if (operation < 12)
        fault(input, space);
    else if (operation < 14)
        copy(input, space, next(input) % 5);
    else if (operation == 14)
        replace(input, which);
    else
        space->key_rights = (uint32_t)next(input) << next(input) % 24;
    if (quire_vmm_check(space) != QUIRE_OK)
        found("a space does not pass its check");
}

static void check_all(void)
{
    quire_status_t status = quire_table_check_all(table_at, NULL, TREES + SPACES, 0);

    if (status != QUIRE_OK && status != QUIRE_NO_MEMORY)
        found("all trees together do not pass their check");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t input = {data, size};

    machine_start(next(&input) % 4);
    kernel.table = machine.trees[0];
    next_id = TREES;
    for (unsigned i = 0; i < SPACES; i++) {
        if (quire_vmm_create(&spaces[i], &kernel, ++next_id, START, END) != QUIRE_OK)
            found("no process");
    }
    for (unsigned i = 0; i < STEPS_MAX && input.size > 0; i++) {
        step(&input);
        if (i % 16 == 0)
            check_all();
    }
    check_all();
    for (unsigned i = 0; i < SPACES; i++)
        quire_vmm_destroy(&spaces[i]);
    machine_end();
    return 0;
}
