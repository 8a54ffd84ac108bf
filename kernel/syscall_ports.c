/* SPDX-License-Identifier: MIT */
/* syscall_ports.c - ioperm and iopl. Every process is the super-user's here, so that both are allowed to all. */
#include "calls.h"
#include "ports.h"

call_result_t call_ioperm(process_t *process, const uintptr_t *argument)
{
    uintptr_t first = argument[0];
    uintptr_t count = argument[1];

    if (first >= QUIRE_IO_PORTS || count > QUIRE_IO_PORTS)
        return -EINVAL;
    return call_error(ports_allow(process, (uint32_t)first, (uint32_t)count, (int)argument[2] != 0));
}

call_result_t call_iopl(process_t *process, const uintptr_t *argument)
{
    return call_error(ports_set_level(process, (unsigned)argument[0]));
}
