/* SPDX-License-Identifier: MIT */
/* process.c - identity, limits, randomness, signals that do nothing. */
#include "calls.h"

#include <elf.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#ifdef SYS_ugetrlimit
#define CALL_GETRLIMIT SYS_ugetrlimit
#else
#define CALL_GETRLIMIT SYS_getrlimit
#endif

/* A limit that is accepted holds. They are put back afterwards. */
static void check_held_limits(void)
{
    char *area = fresh(8 * PAGE, PROT_READ);
    struct rlimit none = {PAGE, RLIM_INFINITY};
    struct rlimit old;
    uintptr_t start = (uintptr_t)syscall(SYS_brk, 0L);
    long mapped, replaced, grown, moved, writable, read_only;
    uintptr_t more;

    getrlimit(RLIMIT_AS, &old);
    none.rlim_max = old.rlim_max;
    EXPECT(0, setrlimit(RLIMIT_AS, &none));
    mapped = CALL(CALL_MMAP, 0L, PAGE, PROT_READ, ANONYMOUS, -1L, 0L);
    more = (uintptr_t)syscall(SYS_brk, start + 2 * PAGE);
    moved = CALL(SYS_mremap, area, 8 * PAGE, 9 * PAGE, (long)MREMAP_MAYMOVE);
    replaced = CALL(CALL_MMAP, area, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1L, 0L);
    setrlimit(RLIMIT_AS, &old);
    EXPECT(-ENOMEM, mapped);
    EXPECT(-ENOMEM, replaced); /* even so it is more than may be */
    EXPECT(start, more);
    EXPECT(-ENOMEM, moved);
    getrlimit(RLIMIT_DATA, &old);
    none.rlim_max = old.rlim_max;
    EXPECT(0, setrlimit(RLIMIT_DATA, &none));
    mapped = CALL(CALL_MMAP, 0L, PAGE, PROT_READ | PROT_WRITE, ANONYMOUS, -1L, 0L);
    read_only = CALL(CALL_MMAP, 0L, PAGE, PROT_READ, ANONYMOUS, -1L, 0L);
    writable = CALL(SYS_mprotect, area, PAGE, PROT_READ | PROT_WRITE);
    grown = (long)syscall(SYS_brk, start + 2 * PAGE);
    setrlimit(RLIMIT_DATA, &old);
    EXPECT(-ENOMEM, mapped);
    EXPECT(1, read_only > 0 || read_only < -4095);
    EXPECT(-ENOMEM, writable);
    EXPECT(start, grown);
    munmap((void *)read_only, PAGE);
    munmap(area, 8 * PAGE);
}

static void check_limits(void)
{
    uint64_t limit[2];
    uint64_t wrong[2] = {2, 1};
    unsigned long words[2];

    EXPECT(0, CALL(SYS_prlimit64, 0L, (long)RLIMIT_STACK, 0L, limit));
    EXPECT(0, CALL(CALL_GETRLIMIT, (long)RLIMIT_STACK, words));
    EXPECT((unsigned long)limit[0], words[0]); /* however much it is: a host's shell may have set it */
    EXPECT((unsigned long)limit[1], words[1]);
    EXPECT(-EINVAL, CALL(CALL_GETRLIMIT, 16L, words));
    EXPECT(-EINVAL, CALL(CALL_GETRLIMIT, 16L, BAD));
    EXPECT(-EFAULT, CALL(SYS_setrlimit, 16L, BAD));
    EXPECT(-EFAULT, CALL(SYS_prlimit64, 0L, 16L, BAD, 0L));
    EXPECT(-ESRCH, CALL(SYS_prlimit64, 9999999L, 16L, 0L, limit));
    EXPECT(-EINVAL, CALL(SYS_prlimit64, 0L, 16L, 0L, limit));
    EXPECT(-EFAULT, CALL(SYS_prlimit64, 0L, (long)RLIMIT_STACK, 0L, BAD));
    EXPECT(-EFAULT, CALL(SYS_prlimit64, 0L, (long)RLIMIT_STACK, BAD, 0L));
    EXPECT(-EINVAL, CALL(SYS_prlimit64, 0L, (long)RLIMIT_STACK, wrong, 0L));
    EXPECT(-ESRCH, CALL(SYS_prlimit64, 9999999L, (long)RLIMIT_STACK, 0L, limit));
    EXPECT(0, CALL(SYS_prlimit64, (long)getpid(), (long)RLIMIT_CORE, 0L, limit));
}

static void check_random(void)
{
    char bytes[300] = {0};
    int different = 0;
    char *area;
    long got;

    EXPECT(300, CALL(SYS_getrandom, bytes, 300L, 0L));
    for (unsigned i = 1; i < sizeof(bytes); i++)
        different += bytes[i] != bytes[i - 1];
    EXPECT(1, different > 200);
    EXPECT(-EINVAL, CALL(SYS_getrandom, bytes, 1L, 8L));
    EXPECT(-EINVAL, CALL(SYS_getrandom, bytes, 1L, 6L));
    EXPECT(-EFAULT, CALL(SYS_getrandom, BAD, 1L, 0L));
    area = fresh(2 * PAGE, PROT_READ | PROT_WRITE);
    munmap(area + PAGE, PAGE);
    /* A Linux from before the generator of 5.18 gave whole blocks, or nothing. */
    EITHER(30, -EFAULT, CALL(SYS_getrandom, area + PAGE - 30, 100L, 0L));
    got = CALL(SYS_getrandom, area + PAGE - 150, 200L, 0L);
    EITHER(150, got < 150 ? got : 150, got);
    munmap(area, PAGE);
    EXPECT(0, CALL(SYS_getrandom, bytes, 0L, 0L));
}

/* What the kernel has put on the stack. */
static void check_stack(void)
{
    static const char *const platforms[] = {"i686", "x86_64"};
    unsigned wide = sizeof(void *) == 8;

    EXPECT(4096, getauxval(AT_PAGESZ));
    EXPECT(100, getauxval(AT_CLKTCK));
    EXPECT(0, getauxval(AT_SECURE));
    EXPECT(0, getauxval(AT_BASE));
    EXPECT(0, getauxval(AT_FLAGS));
    EXPECT(1, getauxval(AT_ENTRY) != 0);
    EXPECT(1, getauxval(AT_PHDR) != 0 && getauxval(AT_PHNUM) > 1);
    EXPECT(wide ? 56 : 32, getauxval(AT_PHENT));
    EXPECT(1, getauxval(AT_RANDOM) != 0);
    EXPECT(0, wide ? strcmp((char *)getauxval(AT_PLATFORM), platforms[1]) : 0);
    EXPECT(1, strlen((char *)getauxval(AT_EXECFN)) > 0);
}

void check_process(void)
{
    struct utsname name;
    long id = CALL(SYS_getpid);

    EXPECT(1, id > 0);
    EXPECT(id, CALL(SYS_gettid));
    EXPECT(id, CALL(SYS_set_tid_address, 0L));
    EXPECT(0, uname(&name));
    EXPECT(0, strcmp(name.sysname, "Linux"));
    EXPECT(-EFAULT, CALL(SYS_uname, BAD));
    EXPECT(-EINVAL, CALL(SYS_set_robust_list, 0L, 1L));
    EXPECT(0, CALL(SYS_set_robust_list, 0L, (long)(3 * sizeof(long))));
    EXPECT(0, CALL(SYS_sched_yield));
    EITHER(-EINVAL, -EFAULT /* kernels with an early CET */, CALL(SYS_arch_prctl, 0x3001L, BAD));
    EXPECT(-ENOSYS, CALL(1000L));
    check_limits();
    check_held_limits();
    check_random();
    check_stack();
}

/* The kernel's own struct: the C library's has another layout. */
typedef struct action {
    uintptr_t handler;
    unsigned long flags;
    uintptr_t restorer;
    uint32_t mask[2];
} action_t;

/* SIGKILL and SIGSTOP cannot be held off, nor in a handler's mask; and what is ignored is forgotten. */
static void check_unblockable(void)
{
    const uint64_t both = (uint64_t)1 << (SIGKILL - 1) | (uint64_t)1 << (SIGSTOP - 1);
    uint64_t all = ~(uint64_t)0;
    uint64_t none = 0;
    uint64_t old = 0;
    action_t action = {.handler = 1, .mask = {~0u, ~0u}};
    action_t before = {0};

    EXPECT(0, CALL(SYS_rt_sigprocmask, (long)SIG_SETMASK, &all, 0L, 8L));
    EXPECT(0, CALL(SYS_rt_sigprocmask, (long)SIG_BLOCK, &all, &old, 8L));
    EXPECT(1, old == ~both);
    EXPECT(0, CALL(SYS_kill, (long)getpid(), (long)SIGUSR2));
    EXPECT(0, CALL(SYS_rt_sigaction, (long)SIGUSR2, &action, 0L, 8L));
    EXPECT(0, CALL(SYS_rt_sigaction, (long)SIGUSR2, 0L, &before, 8L));
    EXPECT((long)(uint32_t)~both, (long)before.mask[0]);
    action.handler = 0;
    EXPECT(0, CALL(SYS_rt_sigaction, (long)SIGUSR2, &action, 0L, 8L));
    EXPECT(0, CALL(SYS_rt_sigprocmask, (long)SIG_SETMASK, &none, 0L, 8L)); /* and lives */
}

void check_signals(void)
{
    uint64_t set = (uint64_t)1 << (SIGUSR1 - 1);
    uint64_t old = 1;
    action_t action = {.handler = 1 /* ignore */};
    action_t before;
    long id = getpid();

    EXPECT(0, CALL(SYS_rt_sigaction, (long)SIGUSR1, &action, 0L, 8L));
    EXPECT(0, CALL(SYS_rt_sigaction, (long)SIGUSR1, 0L, &before, 8L));
    EXPECT(1, before.handler);
    EXPECT(-EINVAL, CALL(SYS_rt_sigaction, (long)SIGKILL, &action, 0L, 8L));
    EXPECT(0, CALL(SYS_rt_sigaction, (long)SIGKILL, 0L, &before, 8L));
    EXPECT(-EINVAL, CALL(SYS_rt_sigaction, 65L, 0L, 0L, 8L));
    EXPECT(-EINVAL, CALL(SYS_rt_sigaction, 0L, 0L, 0L, 8L));
    EXPECT(-EINVAL, CALL(SYS_rt_sigaction, (long)SIGUSR1, 0L, 0L, 4L));
    EXPECT(-EFAULT, CALL(SYS_rt_sigaction, (long)SIGUSR1, BAD, 0L, 8L));
    EXPECT(0, CALL(SYS_kill, id, (long)SIGUSR1));
    EXPECT(0, CALL(SYS_kill, id, 0L));
    EXPECT(0, CALL(SYS_kill, id, (long)SIGCHLD));
    EXPECT(-EINVAL, CALL(SYS_kill, id, 65L));
    EXPECT(-ESRCH, CALL(SYS_kill, 9999999L, 0L));
    EXPECT(-EINVAL, CALL(SYS_tgkill, 0L, id, 0L));
    EXPECT(-EINVAL, CALL(SYS_tkill, 0L, 0L));
    EXPECT(0, CALL(SYS_tgkill, id, id, (long)SIGUSR1));
    check_unblockable();
    old = 0; /* whatever was blocked by who started this */
    EXPECT(0, CALL(SYS_rt_sigprocmask, (long)SIG_SETMASK, &old, 0L, 8L));
    EXPECT(0, CALL(SYS_rt_sigprocmask, (long)SIG_BLOCK, &set, &old, 8L));
    EXPECT(0, old);
    EXPECT(0, CALL(SYS_rt_sigprocmask, (long)SIG_BLOCK, 0L, &old, 8L));
    EXPECT(set, old);
    EXPECT(-EINVAL, CALL(SYS_rt_sigprocmask, 5L, &set, 0L, 8L));
    EXPECT(0, CALL(SYS_rt_sigprocmask, 5L, 0L, 0L, 8L));
    EXPECT(-EINVAL, CALL(SYS_rt_sigprocmask, 0L, &set, 0L, 4L));
    EXPECT(0, CALL(SYS_rt_sigprocmask, (long)SIG_UNBLOCK, &set, 0L, 8L));
}
