/* SPDX-License-Identifier: MIT */
/* window.c - two of the library's hooks: every frame of RAM is in the direct map, so a window is an addition. */
#include "../arch.h"

void *quire_port_window_open(quire_frame_t frame)
{
    return (void *)(ARCH_DIRECT_START + quire_pa_of_frame(frame).value);
}

void quire_port_window_close(void *window)
{
    (void)window;
}

quire_status_t arch_windows_init(quire_table_t *table)
{
    (void)table;
    return QUIRE_OK;
}
