/* SPDX-License-Identifier: MIT */
/* breathe.h - long system calls let others run. */
#ifndef KERNEL_BREATHE_H
#define KERNEL_BREATHE_H

#include "calls.h"

#define BREATH_BYTES 65536 /* that are copied between two breaths */

/* So many bytes have been copied for the current process. Once in BREATH_BYTES interrupts are let in, and if its time
   slice has ended others run; it may be ended meanwhile, and then this does not return. So nothing may be held that is
   not in the process's record: no frame, no cursor, no memory of the heap. */
void breathe(process_t *process, size_t bytes);

#define BREATH_RANGE_BYTES ((quire_va_t)4 << 20)

/* Does `work` for [start, end), in pieces when that is long, and breathes between them. The pieces end where no promise
   is cut, and the tables that the two ends need are acquired first; so what is refused for want of memory, but for
   frames, has changed nothing. Stops at the first failure. */
typedef quire_status_t (*range_work_t)(quire_space_t *space, quire_va_t start, size_t bytes, const void *context);
quire_status_t breathe_over(process_t *process, quire_va_t start, quire_va_t end, range_work_t work,
                            const void *context) QUIRE_MUST_CHECK;

/* The same for work that only takes away or changes what is there. A process that has little is done with in one piece,
   however long the range: a gigabyte that was promised and not touched is not much. */
quire_status_t breathe_over_present(process_t *process, quire_va_t start, quire_va_t end, range_work_t work,
                                    const void *context) QUIRE_MUST_CHECK;

#endif
