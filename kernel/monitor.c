/* SPDX-License-Identifier: MIT */
/*
 * monitor.c - a person at the console, looking at memory.
 *
 * A table of commands, each with its words of help. It runs on the kernel's main loop: while it waits for a key, ready
 * processes get their time slices. Ctrl-C ends what `run` waits for, or drops the line; the monitor goes on. Numbers
 * are decimal or, with 0x, hexadecimal.
 */
#include "monitor.h"

#include "arch/arch.h"
#include "console.h"
#include "launch.h"
#include "memory.h"
#include "number.h"
#include "ports.h"
#include "print.h"
#include "process.h"
#include "show.h"
#include "supervise.h"
#include "tour.h"
#include "walk.h"

#define LINE_MAX      200
#define WORDS_MAX     16
#define STATUS_KILLED 137

typedef struct command {
    const char *name;
    const char *arguments;
    const char *help;
    unsigned words; /* that must follow the name */
    void (*run)(unsigned count, const char *const *words);
} command_t;

static bool quitting;

static bool same(const char *a, const char *b)
{
    for (; *a != '\0' && *a == *b; a++)
        b++;
    return *a == *b;
}

static process_t *parse_process(const char *word)
{
    uint64_t id;
    process_t *process = NULL;

    if (parse_number(word, &id) && id <= UINT32_MAX)
        process = process_find((unsigned)id);
    if (process == NULL)
        print("  no process %s: see ps\n", word);
    return process;
}

static bool parse_address(const char *word, quire_va_t *va)
{
    uint64_t value;

    if (!parse_number(word, &value) || (quire_va_t)value != value) {
        print("  %s is not an address of this machine\n", word);
        return false;
    }
    *va = (quire_va_t)value;
    return true;
}

static void command_mem(unsigned count, const char *const *words)
{
    (void)count;
    (void)words;
    show_memory_map();
}

static void command_cpu(unsigned count, const char *const *words)
{
    (void)count;
    (void)words;
    show_cpu();
}

/* What the kernel's heap keeps in reserve is given back first: then the numbers do not depend on what ran before. */
static void command_frames(unsigned count, const char *const *words)
{
    (void)count;
    (void)words;
    quire_heap_trim(&kernel_heap);
    show_frames();
}

static void command_walk(unsigned count, const char *const *words)
{
    quire_va_t va;
    process_t *process;

    (void)count;
    if (same(words[0], "0")) {
        if (parse_address(words[1], &va))
            show_page_walk(&kernel_space, va);
        return;
    }
    process = parse_process(words[0]);
    if (process != NULL && process->state != PROCESS_ENDED && parse_address(words[1], &va))
        show_page_walk(&process->space, va);
}

static void command_maps(unsigned count, const char *const *words)
{
    process_t *process;

    (void)count;
    if (same(words[0], "0")) {
        show_ranges(&kernel_space);
        return;
    }
    process = parse_process(words[0]);
    if (process != NULL && process->state != PROCESS_ENDED)
        show_ranges(&process->space);
}

static void command_peek(unsigned count, const char *const *words)
{
    process_t *process = parse_process(words[0]);
    quire_va_t va;

    (void)count;
    if (process != NULL && process->state != PROCESS_ENDED && parse_address(words[1], &va))
        show_bytes(&process->space, va);
}

static void command_heap(unsigned count, const char *const *words)
{
    (void)count;
    (void)words;
    show_heap();
}

static void command_check(unsigned count, const char *const *words)
{
    (void)count;
    (void)words;
    print("frames: %s\n", quire_status_name(quire_pmm_check(&kernel_pmm)));
    print("heap: %s\n", quire_status_name(quire_heap_check(&kernel_heap)));
    print("address spaces: %s\n", quire_status_name(process_check_spaces()));
}

static void command_ioports(unsigned count, const char *const *words)
{
    (void)count;
    (void)words;
    ports_show();
}

static void command_ps(unsigned count, const char *const *words)
{
    (void)count;
    (void)words;
    show_processes();
}

/* Ended processes leave the table once somebody has been told how they ended. */
static void reap_ended(void)
{
    for (unsigned place = 0; place < PROCESS_MAX; place++) {
        process_t *process = process_at(place);

        if (process == NULL || process->state != PROCESS_ENDED)
            continue;
        print("  process %u (%s) has ended: status %d\n", process->id, process->name, process->exit_status);
        process_reap(process);
    }
}

/* With a last word "&" the program runs on while the monitor waits for the next command. */
static void command_run(unsigned count, const char *const *words)
{
    const char *argv[WORDS_MAX + 1];
    bool background = count > 1 && same(words[count - 1], "&");
    process_t *process;

    count -= background;
    for (unsigned i = 0; i < count; i++)
        argv[i] = words[i];
    argv[count] = NULL;
    process = launch(argv[0], argv);
    if (process == NULL)
        return;
    if (background) {
        print("  process %u\n", process->id);
        return;
    }
    arch_tell_host("program"); /* ./quire then leaves Ctrl-C to us */
    supervised_t outcome = supervise(process);
    arch_tell_host("monitor");
    switch (outcome) {
    case SUPERVISED_ENDED:
        break;
    case SUPERVISED_WAITS:
        print("  process %u waits for a signal: kill %u ends it\n", process->id, process->id);
        break;
    case SUPERVISED_INTERRUPTED:
        process_kill(process, STATUS_INTERRUPTED);
        break;
    }
    reap_ended();
}

static void command_ls(unsigned count, const char *const *words)
{
    show_files(count > 0 ? words[0] : "/");
}

static void command_alloc(unsigned count, const char *const *words)
{
    uint64_t bytes;

    (void)count;
    if (!parse_number(words[0], &bytes)) {
        print("  %s is not a number of bytes\n", words[0]);
        return;
    }
    tour_alloc(words[0]);
}

static void command_kill(unsigned count, const char *const *words)
{
    process_t *process = parse_process(words[0]);

    (void)count;
    if (process != NULL && process->state != PROCESS_ENDED)
        process_kill(process, STATUS_KILLED);
    reap_ended();
}

static void command_events(unsigned count, const char *const *words)
{
    uint64_t wanted;
    process_t *process;

    (void)count;
    process = parse_process(words[0]);
    if (process != NULL && parse_number(words[0], &wanted))
        walk_tell((uint32_t)wanted, 0);
}

static void command_tour(unsigned count, const char *const *words)
{
    (void)count;
    (void)words;
    tour_run();
}

static void command_quit(unsigned count, const char *const *words)
{
    (void)count;
    (void)words;
    quitting = true;
}

static void command_help(unsigned count, const char *const *words);

static const command_t commands[] = {
    {"mem", "", "the firmware's memory map, and what became of each entry", 0, command_mem},
    {"cpu", "", "what the CPU protects memory with, and how often address spaces were loaded", 0, command_cpu},
    {"frames", "", "a map of used and free frames, with totals", 0, command_frames},
    {"walk", "PID VA", "the page-table walk of an address, every level decoded (PID 0: the kernel)", 2, command_walk},
    {"maps", "PID", "the ranges of an address space (PID 0: the kernel)", 1, command_maps},
    {"peek", "PID VA", "64 bytes of a process's memory", 2, command_peek},
    {"heap", "", "the kernel's heap", 0, command_heap},
    {"ioports", "", "who drives which I/O ports, and which processes may use some", 0, command_ioports},
    {"check", "", "every layer's own check, and all address spaces together", 0, command_check},
    {"ps", "", "processes", 0, command_ps},
    {"ls", "[PATH]", "the files of a directory: what can be run", 0, command_ls},
    {"run", "PROG [ARGS] [&]", "run a program of the initial file system", 1, command_run},
    {"alloc", "N", "a new process calls malloc(N), told step by step; it stays", 1, command_alloc},
    {"events", "PID", "tell again what a living process's marked events were", 1, command_events},
    {"kill", "PID", "end a process", 1, command_kill},
    {"tour", "", "the main job again", 0, command_tour},
    {"quit", "", "switch the machine off", 0, command_quit},
    {"help", "", "this", 0, command_help},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void command_help(unsigned count, const char *const *words)
{
    (void)count;
    (void)words;
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        print("  %-7s %-16s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
}

/* Waits for a key; processes run meanwhile. */
static char read_key(void)
{
    for (;;) {
        bool interrupted = console_interrupted(); /* typed before the keys that are there */
        int key = interrupted ? CONSOLE_INTERRUPT : console_read();

        if (interrupted)
            console_forget_interrupt();
        if (key >= 0)
            return (char)key;
        if (process_run()) {
            walk_pump_events();
            reap_ended();
        } else if (!quire_pmm_zero_ahead(&kernel_pmm)) {
            arch_wait_for_interrupt();
        }
    }
}

static void read_line(char *line)
{
    unsigned length = 0;

    for (;;) {
        char c = read_key();

        if (c == '\r' || c == '\n') {
            print("\n");
            line[length] = '\0';
            return;
        }
        if (c == CONSOLE_INTERRUPT) {
            print("^C\n");
            line[0] = '\0';
            return;
        }
        if ((c == '\b' || c == 127) && length > 0) {
            length--;
            print("\b \b");
        } else if (c >= ' ' && c < 127 && length + 1 < LINE_MAX) {
            line[length++] = c;
            print("%c", c);
        }
    }
}

static unsigned split(char *line, const char **words)
{
    unsigned count = 0;

    while (*line != '\0' && count < WORDS_MAX) {
        while (*line == ' ')
            *line++ = '\0';
        if (*line == '\0')
            break;
        words[count++] = line;
        while (*line != '\0' && *line != ' ')
            line++;
    }
    return count;
}

static void obey(unsigned count, const char *const *words)
{
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        if (!same(words[0], commands[i].name))
            continue;
        if (count - 1 < commands[i].words)
            print("  usage: %s %s\n", commands[i].name, commands[i].arguments);
        else
            commands[i].run(count - 1, words + 1);
        return;
    }
    print("  no command %s: try help\n", words[0]);
}

void monitor_run(void)
{
    char line[LINE_MAX];
    const char *words[WORDS_MAX];

    print("\nThe monitor: help lists its commands, quit switches the machine off.\n");
    quitting = false;
    while (!quitting) {
        unsigned count;

        print("quire> ");
        read_line(line);
        count = split(line, words);
        if (count > 0)
            obey(count, words);
        if (console_interrupted())
            print("^C\n");
        console_forget_interrupt();
    }
}
