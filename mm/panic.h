/* SPDX-License-Identifier: MIT */
/* panic.h - panics that name the address, or the frame, that they are about. */
#ifndef QUIRE_MM_PANIC_H
#define QUIRE_MM_PANIC_H

#include <quire/types.h>

/* "what: address 0x6000 of space 7": a panic that names the page. */
QUIRE_NO_RETURN void quire_panic_at(const char *what, quire_va_t va, uint32_t space);
/* "what: frame 0x123, at or above address 0x6000 of space 7": one that names the frame, too. */
QUIRE_NO_RETURN void quire_panic_frame(const char *what, quire_frame_t frame, quire_va_t va, uint32_t space);

#endif
