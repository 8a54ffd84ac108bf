/* SPDX-License-Identifier: MIT */
/*
 * port.c - the hooks that the library asks of its host; the two for windows are in kernel/arch.
 *
 * The kernel has one CPU and runs with interrupts off. So a lock excludes nobody, and all that is left of it is a
 * check: taking it twice, or giving back what was not taken, is a bug that would hang a larger machine. When the kernel
 * is dying, whoever holds a lock will never give it back; then locks are no longer looked at, so that the last report
 * can still walk the tables.
 */
#include "port.h"

#include "arch/arch.h"
#include "print.h"

bool (*kernel_panic_hook)(const char *sentence);

static bool dying;

void kernel_is_dying(void)
{
    dying = true;
    print_quiet(0);
}

void quire_port_lock(quire_lock_t *lock)
{
    if (lock->word != 0 && !dying)
        quire_port_panic("a lock is taken twice");
    lock->word = 1;
}

void quire_port_unlock(quire_lock_t *lock)
{
    if (lock->word == 0 && !dying)
        quire_port_panic("a lock is given back that was not taken");
    lock->word = 0;
}

/* There is no other CPU: the build says so, too, by QUIRE_PORT_CPU. */
void quire_port_shootdown(const quire_shootdown_t *request)
{
    (void)request;
}

void quire_port_panic(const char *sentence)
{
    /* A test that expects the panic goes back to where it was, and does not return here. */
    if (!dying && kernel_panic_hook != NULL)
        (void)kernel_panic_hook(sentence);
    kernel_is_dying();
    print_always("\nquire: panic: %s\n", sentence);
    arch_exit(false, 255);
}

void quire_port_log(quire_log_level_t level, const char *line)
{
    static const char *const words[] = {"error", "warning", "note"};

    print("quire: %s: %s\n", words[level], line);
}
