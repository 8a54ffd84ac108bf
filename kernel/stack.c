/* SPDX-License-Identifier: MIT */
/*
 * stack.c - what a program finds on its stack when it starts (System V ABI, i386 and AMD64 supplements, "Process
 * Initialization"). From the top down:
 *
 *     a zero word
 *     strings: the program's path, the environment, the arguments, the platform, 16 random bytes
 *     the auxiliary vector: pairs of words, ended by AT_NULL
 *     pointers to the environment, NULL
 *     pointers to the arguments, NULL
 *     argc                                  <- the stack pointer, a multiple of 16
 *
 * Problem: the number of words is known only after counting, and the strings before the pointers to them. Idea: two
 * passes. The first measures; then both places are known, and a writer goes up through each with a small buffer, so
 * that a thousand pointers are a few copies.
 *
 * Invariant: nothing is written below the stack pointer or outside the promise: the measure is checked against
 * STACK_CONTENT_BYTES before the first byte is written.
 */
#include "stack.h"

#define WORDS_BUFFERED 32

enum {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT = 4,
    AT_PHNUM = 5,
    AT_PAGESZ = 6,
    AT_BASE = 7,
    AT_FLAGS = 8,
    AT_ENTRY = 9,
    AT_UID = 11,
    AT_EUID = 12,
    AT_GID = 13,
    AT_EGID = 14,
    AT_PLATFORM = 15,
    AT_HWCAP = 16,
    AT_CLKTCK = 17,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_EXECFN = 31,
};

#define AUXILIARY_WORDS ((size_t)2 * 18)
#define CLOCK_TICKS     100 /* a second, as programs count them */

/* Writes ascending words, a few at a time. The first failure sticks. */
typedef struct writer {
    quire_space_t *space;
    quire_va_t at; /* of the first word in the buffer */
    unsigned count;
    quire_status_t status;
    uintptr_t words[WORDS_BUFFERED];
} writer_t;

static void writer_flush(writer_t *writer)
{
    size_t bytes = writer->count * sizeof(writer->words[0]);

    if (writer->status == QUIRE_OK && bytes != 0)
        writer->status = quire_vmm_poke(writer->space, writer->at, writer->words, bytes);
    writer->at += bytes;
    writer->count = 0;
}

static void put_word(writer_t *writer, uintptr_t word)
{
    writer->words[writer->count++] = word;
    if (writer->count == WORDS_BUFFERED)
        writer_flush(writer);
}

static void put_pair(writer_t *writer, uintptr_t type, uintptr_t value)
{
    put_word(writer, type);
    put_word(writer, value);
}

static size_t string_bytes(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    return length + 1;
}

/* Stops growing when it is too much already, so that the sum cannot wrap. */
static size_t strings_bytes(const char *const *list, size_t *count)
{
    size_t bytes = 0;

    for (*count = 0; list[*count] != NULL && bytes <= STACK_CONTENT_BYTES; (*count)++)
        bytes += string_bytes(list[*count]);
    return bytes;
}

/* Where each thing goes. */
typedef struct plan {
    size_t argument_count;
    size_t environment_count;
    quire_va_t random;
    quire_va_t platform;
    quire_va_t arguments;
    quire_va_t environment;
    quire_va_t path;
    quire_va_t stack;
} plan_t;

static bool make_plan(plan_t *plan, quire_va_t top, const stack_facts_t *facts, const char *const *argv,
                      const char *const *envp)
{
    size_t argument_bytes = strings_bytes(argv, &plan->argument_count);
    size_t environment_bytes = strings_bytes(envp, &plan->environment_count);
    size_t words = 1 + plan->argument_count + 1 + plan->environment_count + 1 + AUXILIARY_WORDS;
    size_t path_bytes = string_bytes(facts->path);

    if (argument_bytes > STACK_CONTENT_BYTES || environment_bytes > STACK_CONTENT_BYTES ||
        path_bytes > STACK_CONTENT_BYTES ||
        argument_bytes + environment_bytes + path_bytes + words * sizeof(uintptr_t) > STACK_CONTENT_BYTES)
        return false;
    plan->path = top - sizeof(uintptr_t) - path_bytes;
    plan->environment = plan->path - environment_bytes;
    plan->arguments = plan->environment - argument_bytes;
    plan->platform = plan->arguments - string_bytes(facts->platform);
    plan->random = (plan->platform - STACK_RANDOM_BYTES) & ~(quire_va_t)15;
    plan->stack = (plan->random - words * sizeof(uintptr_t)) & ~(quire_va_t)15;
    return true;
}

static void put_string(writer_t *writer, quire_va_t at, const char *text)
{
    if (writer->status == QUIRE_OK)
        writer->status = quire_vmm_poke(writer->space, at, text, string_bytes(text));
}

/* The strings at `at`, the pointers to them where the writer stands. */
static void put_list(writer_t *writer, quire_va_t at, const char *const *list)
{
    for (; *list != NULL; list++) {
        put_string(writer, at, *list);
        put_word(writer, (uintptr_t)at);
        at += string_bytes(*list);
    }
    put_word(writer, 0);
}

static void put_auxiliary(writer_t *writer, const plan_t *plan, const stack_facts_t *facts)
{
    put_pair(writer, AT_HWCAP, facts->capabilities);
    put_pair(writer, AT_PAGESZ, QUIRE_PAGE_BYTES);
    put_pair(writer, AT_CLKTCK, CLOCK_TICKS);
    put_pair(writer, AT_PHDR, facts->headers);
    put_pair(writer, AT_PHENT, facts->header_bytes);
    put_pair(writer, AT_PHNUM, facts->header_count);
    put_pair(writer, AT_BASE, 0);
    put_pair(writer, AT_FLAGS, 0);
    put_pair(writer, AT_ENTRY, facts->entry);
    put_pair(writer, AT_UID, 0);
    put_pair(writer, AT_EUID, 0);
    put_pair(writer, AT_GID, 0);
    put_pair(writer, AT_EGID, 0);
    put_pair(writer, AT_SECURE, 0);
    put_pair(writer, AT_RANDOM, (uintptr_t)plan->random);
    put_pair(writer, AT_EXECFN, (uintptr_t)plan->path);
    put_pair(writer, AT_PLATFORM, (uintptr_t)plan->platform);
    put_pair(writer, AT_NULL, 0);
}

static quire_status_t fill(quire_space_t *space, const plan_t *plan, const stack_facts_t *facts,
                           const char *const *argv, const char *const *envp)
{
    writer_t writer = {.space = space, .at = plan->stack};

    put_word(&writer, plan->argument_count);
    put_list(&writer, plan->arguments, argv);
    put_list(&writer, plan->environment, envp);
    put_auxiliary(&writer, plan, facts);
    writer_flush(&writer);
    put_string(&writer, plan->path, facts->path);
    put_string(&writer, plan->platform, facts->platform);
    if (writer.status == QUIRE_OK)
        writer.status = quire_vmm_poke(space, plan->random, facts->random, STACK_RANDOM_BYTES);
    return writer.status;
}

quire_status_t stack_build(quire_space_t *space, const stack_facts_t *facts, const char *const *argv,
                           const char *const *envp, bool executable, stack_place_t *stack, const char **reason)
{
    stack_place_t place = {.guard = space->end - STACK_BYTES - STACK_GUARD_BYTES};
    unsigned prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | (executable ? QUIRE_PROT_EXEC : 0);
    plan_t plan;
    quire_va_t va;
    quire_status_t status;

    if (!make_plan(&plan, space->end, facts, argv, envp)) {
        *reason = "its arguments and environment are too long";
        return QUIRE_INVALID;
    }
    place.pointer = plan.stack;
    place.low = quire_page_down(plan.stack - STACK_READY_BYTES);
    status = quire_vmm_reserve(space, place.low, space->end - place.low, prot, QUIRE_RESERVE_FIXED, &va);
    if (status == QUIRE_OK)
        status = quire_vmm_reserve(space, place.guard, place.low - place.guard, QUIRE_PROT_NONE,
                                   QUIRE_RESERVE_FIXED | QUIRE_RESERVE_GUARD, &va);
    if (status == QUIRE_OK)
        status = fill(space, &plan, facts, argv, envp);
    if (status != QUIRE_OK) {
        *reason = status == QUIRE_NO_MEMORY ? "there is not enough memory for its stack"
                                            : "a segment reaches into the place of the stack";
        return status;
    }
    *stack = place;
    return QUIRE_OK;
}
