/* SPDX-License-Identifier: MIT */
/*
 * host_machine.c - the host home's machine: RAM, the eight hooks and the processor, in an ordinary process.
 *
 * RAM is an anonymous mapping that plays the last 16 MiB below 4 GiB, so that a frame number or address that was cut to
 * 32 bits, taken as signed or assumed to begin at 0 shows. The hooks check the contract of port.h while they serve it:
 * a lock taken twice, a window closed out of order, too many windows, a window on a frame that is not RAM, anything
 * still held when a test ends. Under AddressSanitizer, RAM is poisoned except while a window is open on it, so that a
 * use after close is found.
 *
 * State of a CPU is thread-local; tests with threads give each thread its CPU.
 */
#define _DEFAULT_SOURCE
#include "host.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "home.h"
#include "host_machine.h"

#if defined(__SANITIZE_ADDRESS__)
#define POISONING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONING 1
#endif
#endif
#ifdef POISONING
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, bytes)   ((void)(start), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(start, bytes) ((void)(start), (void)(bytes))
#endif

#define RAM_FRAMES   4096
#define BANKS_MAX    4
#define MAPPINGS_MAX 256

/* Bank 0 is the RAM every test has; the others are what host_add_ram() gave. */
typedef struct bank {
    size_t first;
    size_t frames;
    unsigned char *memory;
} bank_t;

static bank_t banks[BANKS_MAX];
static size_t bank_count;
static size_t blocks_given;
static unsigned char open_windows[RAM_FRAMES];
static pthread_mutex_t window_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct {
    void *start;
    size_t bytes;
} mappings[MAPPINGS_MAX];
static size_t mapping_count;

static uint64_t flush_count;
static uint64_t shootdown_count;
static quire_shootdown_t last_shootdown;
static void (*shootdown_hook)(void);
static quire_pa_t loaded_root;
static uint64_t clock_ticks;
static char last_log[512];

/* What one CPU holds. */
static __thread struct {
    unsigned index;
    unsigned locks;
    unsigned windows;
    void *window[QUIRE_PORT_WINDOWS];
} cpu;

_Noreturn void host_broken(const char *sentence)
{
    test_fail("the machine", 0, sentence);
}

/* --- memory --- */

/* Zeroed pages with an inaccessible page after them. */
static void *map_pages(size_t bytes)
{
    size_t whole = (bytes + QUIRE_PAGE_MASK) & ~QUIRE_PAGE_MASK;
    unsigned char *start = mmap(NULL, whole + QUIRE_PAGE_BYTES, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (start == MAP_FAILED || mprotect(start + whole, QUIRE_PAGE_BYTES, PROT_NONE) != 0)
        host_broken("the host has no memory for this test");
    return start;
}

static void *map_for_test(size_t bytes)
{
    if (mapping_count == MAPPINGS_MAX)
        host_broken("too many pieces of test memory");
    mappings[mapping_count].start = map_pages(bytes);
    mappings[mapping_count].bytes = ((bytes + QUIRE_PAGE_MASK) & ~QUIRE_PAGE_MASK) + QUIRE_PAGE_BYTES;
    return mappings[mapping_count++].start;
}

void *test_memory(size_t bytes)
{
    if (bytes > (size_t)4 << 20)
        host_broken("test_memory() gives at most 4 MiB a call");
    return map_for_test(bytes);
}

void *host_add_ram(quire_frame_t first, size_t frames)
{
    for (size_t i = 0; i < bank_count; i++) {
        if (first.number < banks[i].first + banks[i].frames && banks[i].first < first.number + frames)
            host_broken("simulated RAM overlaps");
    }
    if (bank_count == BANKS_MAX)
        host_broken("too many banks of simulated RAM");
    banks[bank_count] = (bank_t){first.number, frames, map_for_test(frames * QUIRE_PAGE_BYTES)};
    return banks[bank_count++].memory;
}

/* What a test left in RAM must not help the next one: fresh RAM holds garbage. */
static void spoil_ram(void)
{
    size_t bytes = blocks_given * TEST_BLOCK_FRAMES * QUIRE_PAGE_BYTES;

    ASAN_UNPOISON_MEMORY_REGION(banks[0].memory, bytes);
    memset(banks[0].memory, 0xa5, bytes);
    ASAN_POISON_MEMORY_REGION(banks[0].memory, bytes);
    memset(open_windows, 0, sizeof(open_windows));
}

void host_machine_reset(void)
{
    host_machine_forget((host_held_t){0, 0});
    spoil_ram();
    blocks_given = 0;
    bank_count = 1;
    while (mapping_count > 0) {
        mapping_count--;
        munmap(mappings[mapping_count].start, mappings[mapping_count].bytes);
    }
    flush_count = 0;
    shootdown_count = 0;
    shootdown_hook = NULL;
    loaded_root = quire_pa(0);
    quire_cpu_told = (quire_cpu_told_t){0};
    last_log[0] = '\0';
}

void host_machine_make(size_t first)
{
    banks[0] = (bank_t){first & ~(size_t)(TEST_BLOCK_FRAMES - 1), RAM_FRAMES, map_pages(RAM_FRAMES * QUIRE_PAGE_BYTES)};
    bank_count = 1;
    blocks_given = RAM_FRAMES / TEST_BLOCK_FRAMES;
    host_machine_reset();
}

quire_frame_t test_home_block(void)
{
    if ((blocks_given + 1) * TEST_BLOCK_FRAMES > RAM_FRAMES)
        host_broken("no block of simulated RAM is left");
    return quire_frame(banks[0].first + blocks_given++ * TEST_BLOCK_FRAMES);
}

/* --- the eight hooks --- */

static unsigned char *memory_of_frame(quire_frame_t frame)
{
    for (size_t i = 0; i < bank_count; i++) {
        if (frame.number - banks[i].first < banks[i].frames)
            return banks[i].memory + (frame.number - banks[i].first) * QUIRE_PAGE_BYTES;
    }
    host_broken("a window was opened on a frame that is not RAM");
}

/* Counts the windows open on a frame of bank 0, and lets AddressSanitizer know. */
static void count_window(unsigned char *memory, int change)
{
    size_t frame = (size_t)(memory - banks[0].memory) / QUIRE_PAGE_BYTES;

    if (memory < banks[0].memory || frame >= RAM_FRAMES)
        return;
    pthread_mutex_lock(&window_mutex);
    open_windows[frame] = (unsigned char)(open_windows[frame] + change);
    if (open_windows[frame] == 0)
        ASAN_POISON_MEMORY_REGION(memory, QUIRE_PAGE_BYTES);
    else
        ASAN_UNPOISON_MEMORY_REGION(memory, QUIRE_PAGE_BYTES);
    pthread_mutex_unlock(&window_mutex);
}

void *quire_port_window_open(quire_frame_t frame)
{
    unsigned char *memory = memory_of_frame(frame);

    if (cpu.windows == QUIRE_PORT_WINDOWS)
        host_broken("more windows are open than a port need have");
    count_window(memory, 1);
    cpu.window[cpu.windows++] = memory;
    return memory;
}

void quire_port_window_close(void *window)
{
    if (cpu.windows == 0 || cpu.window[cpu.windows - 1] != window)
        host_broken("windows are closed in the reverse order of opening");
    cpu.windows--;
    count_window(window, -1);
}

/* The word is 0, or 1 + the CPU that holds the lock. */
void quire_port_lock(quire_lock_t *lock)
{
    uintptr_t mine = cpu.index + 1;

    for (;;) {
        uintptr_t free_word = 0;

        if (__atomic_compare_exchange_n(&lock->word, &free_word, mine, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            break;
        if (free_word == mine)
            host_broken("a lock was taken twice by one CPU");
        sched_yield();
    }
    cpu.locks++;
}

void quire_port_unlock(quire_lock_t *lock)
{
    if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) != cpu.index + 1)
        host_broken("a lock was released by a CPU that does not hold it");
    cpu.locks--;
    __atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

unsigned quire_port_cpu(void)
{
    return cpu.index;
}

/* Simulated translations need no other thread's help, but the fence that comes with a shootdown is real. */
static void fence_other_threads(void)
{
    static bool registered;

    if (!__atomic_exchange_n(&registered, true, __ATOMIC_SEQ_CST))
        syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0)
        syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

void quire_port_shootdown(const quire_shootdown_t *request)
{
    fence_other_threads();
    pthread_mutex_lock(&window_mutex);
    shootdown_count++;
    last_shootdown = *request;
    pthread_mutex_unlock(&window_mutex);
    if (shootdown_hook != NULL)
        shootdown_hook();
}

void quire_port_log(quire_log_level_t level, const char *line)
{
    static const char *const names[] = {"error", "warning", "info"};

    pthread_mutex_lock(&window_mutex);
    snprintf(last_log, sizeof(last_log), "%s", line);
    pthread_mutex_unlock(&window_mutex);
    if (getenv("QUIRE_TEST_LOG") != NULL)
        printf("# %s: %s\n", names[level], line);
}

const char *host_last_log(void)
{
    return last_log;
}

host_held_t host_machine_held(void)
{
    return (host_held_t){cpu.locks, cpu.windows};
}

void host_machine_forget(host_held_t down_to)
{
    while (cpu.windows > down_to.windows)
        quire_port_window_close(cpu.window[cpu.windows - 1]);
    cpu.locks = down_to.locks;
}

/* --- the processor --- */

void quire_cpu_flush_page(quire_va_t va)
{
    (void)va;
    __atomic_fetch_add(&flush_count, 1, __ATOMIC_RELAXED);
}

void quire_cpu_flush_all(bool global)
{
    (void)global;
    __atomic_fetch_add(&flush_count, 1, __ATOMIC_RELAXED);
}

void quire_cpu_load_root(quire_pa_t root, unsigned tag, bool keep)
{
    if (tag != 0 || keep)
        host_broken("a CPU without tags is given one");
    loaded_root = root;
}

bool quire_cpu_offers_asids(void)
{
    return false;
}

bool quire_cpu_uses_asids(void)
{
    return false;
}

bool quire_cpu_keeps_global(void)
{
    return true;
}

uint64_t quire_cpu_timestamp(void)
{
    return __atomic_add_fetch(&clock_ticks, 1, __ATOMIC_RELAXED);
}

void host_use_cpu(unsigned index)
{
    cpu.index = index;
}

uint64_t host_shootdowns(quire_shootdown_t *last)
{
    *last = last_shootdown;
    return shootdown_count;
}

void host_on_shootdown(void (*hook)(void))
{
    shootdown_hook = hook;
}

quire_pa_t host_loaded_root(void)
{
    return loaded_root;
}

quire_frame_t host_ram_end(void)
{
    return quire_frame(banks[0].first + RAM_FRAMES);
}

uint64_t test_flushes(bool *counts)
{
    *counts = true;
    return __atomic_load_n(&flush_count, __ATOMIC_RELAXED);
}
