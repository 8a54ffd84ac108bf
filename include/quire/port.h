/* SPDX-License-Identifier: MIT */
/*
 * port.h - the eight functions a kernel supplies. Nothing else is asked of it.
 *
 * Frames alone (the PMM) need lock, unlock, cpu and panic, and the window only to zero frames. The heap alone needs
 * lock, unlock and panic. Segmentation needs none. No hook may sleep, allocate from Quire, or call back into it.
 */
#ifndef QUIRE_PORT_H
#define QUIRE_PORT_H

#include <quire/types.h>

/* A lock as the host sees it. Zeroed memory is an unlocked lock. */
typedef struct quire_lock {
    uintptr_t word;       /* the port's own: a ticket, a flag, nothing on one CPU */
    uintptr_t interrupts; /* the port's own: the interrupt state to restore on unlock */
} quire_lock_t;

/* A request to drop translations on other CPUs. The calling CPU has dropped its own already. */
typedef struct quire_shootdown {
    uint32_t space; /* the address space's identifier; 0 = the kernel's half, on every CPU */
    quire_va_t start;
    quire_va_t end; /* [start, end); start == end == 0: everything of that space */
} quire_shootdown_t;

typedef enum quire_log_level {
    QUIRE_LOG_ERROR,
    QUIRE_LOG_WARNING,
    QUIRE_LOG_INFO,
} quire_log_level_t;

/* At most this many windows are open on one CPU at a time. */
#define QUIRE_PORT_WINDOWS 8

/* Makes one frame of RAM readable and writable and returns its 4096 bytes. With a direct map this is an addition; for
   memory above it, a temporary mapping. Windows are per CPU and are closed in the reverse order of opening; the
   caller stays on its CPU between the two. Never fails for a frame of RAM. */
#ifdef QUIRE_PORT_DIRECT_MAP
/* Where all of RAM is mapped at one address, and always: that address, as a constant expression, when the library and
   the host are built. Then these two need not be supplied, and a window costs nothing. */
static inline void *quire_port_window_open(quire_frame_t frame)
{
    return (void *)(uintptr_t)(QUIRE_PORT_DIRECT_MAP + quire_pa_of_frame(frame).value);
}
static inline void quire_port_window_close(void *window)
{
    (void)window;
}
#else
void *quire_port_window_open(quire_frame_t frame);
void quire_port_window_close(void *window);
#endif

/* Mutual exclusion between CPUs and against interrupts of this CPU; not recursive. */
void quire_port_lock(quire_lock_t *lock);
void quire_port_unlock(quire_lock_t *lock);

/* The index of the calling CPU, dense from 0. Every frame that comes or goes asks for it: a host that knows it without
   a call says how, as an expression, when it builds the library and itself: -DQUIRE_PORT_CPU=0 where there is one CPU,
   or, with what it needs declared by -include, a read of per-CPU memory. */
#ifdef QUIRE_PORT_CPU
static inline unsigned quire_port_cpu(void)
{
    return QUIRE_PORT_CPU;
}
#else
unsigned quire_port_cpu(void);
#endif

/* Returns when no other CPU can use a translation named by the request any more, and every other CPU has passed a
   memory fence since the call (an interrupt to it does both). An empty range (start == end, not 0) asks for the fence
   alone. A no-op with one CPU. CPUs that do not run the space may be left out: the next load drops what they hold of
   it. Then a CPU is noted as running a space before it calls quire_table_load() for it, and until it has loaded
   another. Callers hold locks: a CPU that waits with interrupts off, here or in quire_port_lock, must answer the
   others' requests meanwhile, or two CPUs wait for each other for ever. The same holds for locks of the host's own: who
   waits for one with interrupts off answers, or nobody who holds it calls what asks for a shootdown: anything that
   changes a tree, a fault, and quire_pmm_alloc() and quire_pmm_take() when memory is short (see `no_wait` there). */
void quire_port_shootdown(const quire_shootdown_t *request);

/* An invariant is broken; the sentence says which. Does not return. */
QUIRE_NO_RETURN void quire_port_panic(const char *sentence);

/* One line for the kernel's log, without a newline. May be dropped. */
void quire_port_log(quire_log_level_t level, const char *line);

#endif
