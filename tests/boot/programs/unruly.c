/* SPDX-License-Identifier: MIT */
/* unruly.c - what a program may do instead of what it is there for: waits, loops, crashes, exits. No C library.
 *
 *     gcc -nostdlib -static -DUNRULY=waits unruly.c
 */
#ifdef __x86_64__
enum { CALL_WRITE = 1, CALL_PAUSE = 34, CALL_EXIT = 60, CALL_KILL = 62, CALL_GETPID = 39 };
#else
enum { CALL_WRITE = 4, CALL_PAUSE = 29, CALL_EXIT = 1, CALL_KILL = 37, CALL_GETPID = 20 };
#endif

static long call(long number, long first, long second, long third)
{
    long result;

#ifdef __x86_64__
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
#else
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory");
#endif
    return result;
}

static inline void waits(void)
{
    call(CALL_PAUSE, 0, 0, 0);
}

static inline void stops(void)
{
    call(CALL_KILL, call(CALL_GETPID, 0, 0, 0), 19, 0);
}

static inline void loops(void)
{
    static const char text[] = "round and round\n";

    call(CALL_WRITE, 1, (long)text, sizeof(text) - 1);
    for (;;)
        __asm__ volatile("");
}

static inline void crashes(void)
{
    __asm__ volatile("ud2");
}

static inline void exits(void)
{
    call(CALL_EXIT, 3, 0, 0);
}

void _start(void)
{
    UNRULY();
    call(CALL_EXIT, 0, 0, 0);
}
