/* SPDX-License-Identifier: MIT */
/* syscall_ports.c - ioperm and iopl. Processes have no CAP_SYS_RAWIO but for what the boot words give: EPERM. */
#include "calls.h"
#include "ports.h"

static call_result_t answer(quire_status_t status)
{
    return status == QUIRE_DENIED ? -EPERM : call_error(status);
}

call_result_t call_ioperm(process_t *process, const uintptr_t *argument)
{
    uintptr_t first = argument[0];
    uintptr_t count = argument[1];

    if (first >= QUIRE_IO_PORTS || count > QUIRE_IO_PORTS)
        return -EINVAL;
    return answer(ports_allow(process, (uint32_t)first, (uint32_t)count, (int)argument[2] != 0));
}

call_result_t call_iopl(process_t *process, const uintptr_t *argument)
{
    return answer(ports_set_level(process, (unsigned)argument[0]));
}
