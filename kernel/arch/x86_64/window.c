/* SPDX-License-Identifier: MIT */
/* window.c - every frame of RAM is in the direct map: the library is told so when it is built. */
#include "../arch.h"

_Static_assert(QUIRE_PORT_DIRECT_MAP == ARCH_DIRECT_START, "the Makefile tells the library where it is");

quire_status_t arch_windows_init(quire_table_t *table)
{
    (void)table;
    return QUIRE_OK;
}
