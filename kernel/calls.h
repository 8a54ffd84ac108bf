/* SPDX-License-Identifier: MIT */
/*
 * calls.h - what the files that implement system calls share. A handler gets the process and the six argument
 * registers, and returns a result or a negated error number.
 */
#ifndef KERNEL_CALLS_H
#define KERNEL_CALLS_H

#include "file.h"
#include "linux.h"
#include "process.h"
#include "random.h"

typedef intptr_t call_result_t;
typedef call_result_t (*call_t)(process_t *process, const uintptr_t *argument);

/* What a handler of a signal is, as rt_sigaction sees it on both machines. */
typedef struct signal_action {
    uintptr_t handler; /* 0 = default, 1 = ignore */
    uintptr_t flags;
    uintptr_t restorer;
    uint32_t mask[2];
} signal_action_t;

#define FILES_HARD_LIMIT 4096 /* the most that RLIMIT_NOFILE can be */

typedef struct limit {
    uint64_t soft;
    uint64_t hard;
} limit_t;

/* What Linux knows of a process beside its memory. In zeroed kernel memory that process.c provides. */
typedef struct linux_state {
    file_t files[FILES_MAX];
    signal_action_t actions[SIGNAL_MAX];
    uint64_t blocked; /* bit n - 1: signal n */
    uint64_t pending;
    limit_t limits[RLIMIT_COUNT];
    uint64_t cpu_ticks;          /* time slices that it has used up */
    struct vector *vector;       /* of readv or writev, while it is at it */
    size_t since_breath;         /* kernel/breathe.c: bytes copied */
    bool readable_is_executable; /* what it maps readable can be executed: 32-bit files that say nothing of their stack
                                  */
    uint16_t keys;               /* protection keys in use: bit n is key n; key 0 from the start */
    const char *executable;      /* what /proc/self/exe is a link to, as its archive names it; NULL: nothing */
    char path[PATH_BYTES_MAX];   /* being looked up */
    uint8_t bounce[4096];        /* between two memories */
} linux_state_t;

static inline linux_state_t *linux_of(process_t *process)
{
    return process->files;
}

/* Standard input, output and error are open; limits are Linux's defaults; it came from no file. */
void linux_state_init(linux_state_t *state);
/* What a call that never came to its end held. NULL: nothing. */
void linux_state_release(linux_state_t *state);

/* --- kernel/syscall.c --- */
call_result_t call_error(quire_status_t status);
call_result_t call_not_there(process_t *process, const uintptr_t *argument); /* -ENOSYS, silently */
call_result_t copy_in(process_t *process, void *to, uintptr_t from, size_t bytes);
call_result_t copy_out(process_t *process, uintptr_t to, const void *from, size_t bytes);
/* Whether [start, start + bytes) is within a process's addresses: what Linux asks before it touches a buffer. */
bool range_is_user(uintptr_t start, size_t bytes);

/* --- kernel/syscall_memory.c --- */
/* mprotect with a key for the range; KEY_KEPT: each page keeps its own. */
#define KEY_KEPT (-1)
call_result_t protect_memory(process_t *process, const uintptr_t *argument, int key);
/* The first area at or above `from` that begins below `end`, cut off there; guards, which Linux does not have, are
 * none. */
bool next_area(process_t *process, quire_va_t from, quire_va_t end, quire_vmm_range_t *range);
/* Rounds up to pages; false if that wraps. 0 stays 0. */
bool round_length(uintptr_t *bytes);
/* What the machine could never hold is not promised. */
bool too_much(uintptr_t bytes);
/* munmap, in pieces. */
quire_status_t unmap_memory(process_t *process, quire_va_t start, quire_va_t end);

/* --- kernel/syscall_key.c --- */
/* Whether the process may give its pages this key. */
bool key_is_allocated(const process_t *process, int key);

/* --- kernel/syscall_signal.c --- */
/* Acts on signals that are pending and not blocked; may end the process. */
void signal_deliver(process_t *process);
/* Whether one waits that is let through: long calls end early for it. */
bool signal_is_due(process_t *process);
/* Makes one pending. */
void signal_raise(process_t *process, unsigned signal);

/* --- kernel/arch/<arch>/linux.c: what differs between the two machines --- */
extern const char linux_machine[]; /* uname -m */
uintptr_t linux_capabilities(void);
call_t linux_call(uintptr_t number); /* NULL: -ENOSYS */
const char *linux_call_name(uintptr_t number);
call_result_t call_arch_prctl(process_t *process, const uintptr_t *argument);

#define STAT_BYTES_MAX 144
/* Lays `status` out as the machine's struct stat (on i386 struct stat64); returns its size. */
size_t linux_stat(const file_status_t *status, uint8_t stat[STAT_BYTES_MAX]);

/* Names of consecutive system calls, each ended by a zero byte. */
typedef struct call_names {
    uintptr_t first;
    const char *names;
} call_names_t;
const char *call_name_in(const call_names_t *lists, unsigned count, uintptr_t number);

/* --- the handlers --- */
#define CALL(name) call_result_t call_##name(process_t *process, const uintptr_t *argument)
/* memory */
CALL(brk);
CALL(mmap);
CALL(mmap_pages); /* mmap2: the offset is in pages */
CALL(munmap);
CALL(mprotect);
CALL(madvise);
CALL(mremap);
CALL(mincore);
/* protection keys */
CALL(pkey_mprotect);
CALL(pkey_alloc);
CALL(pkey_free);
/* files */
CALL(read);
CALL(write);
CALL(readv);
CALL(writev);
CALL(pread);
CALL(lseek);
CALL(llseek); /* _llseek */
CALL(open);
CALL(openat);
CALL(close);
CALL(ioctl);
CALL(fcntl);
CALL(getcwd);
CALL(readlink);
CALL(readlinkat);
CALL(stat);
CALL(lstat);
CALL(fstat);
CALL(fstatat);
CALL(statx);
/* processes */
CALL(exit);
CALL(process_id);
CALL(parent_id);
CALL(user_id); /* all of uid, gid, euid, egid: 0 */
CALL(uname);
CALL(getrandom);
CALL(set_tid_address);
CALL(set_robust_list);
CALL(sched_yield);
CALL(getrlimit);
CALL(old_getrlimit);
CALL(setrlimit);
CALL(prlimit);
/* ports */
CALL(ioperm);
CALL(iopl);
/* signals */
CALL(rt_sigaction);
CALL(rt_sigprocmask);
CALL(kill);
CALL(tkill);
CALL(tgkill);
CALL(pause);

#endif
