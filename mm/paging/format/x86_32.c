/* SPDX-License-Identifier: MIT */
/* x86_32.c - 32-bit paging: two levels, 4-byte entries (SDM volume 3, 4.3). */
#include "format.h"

const quire_format_t quire_format_x86_32 = FORMAT_x86_32;
