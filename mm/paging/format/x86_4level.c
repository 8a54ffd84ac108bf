/* SPDX-License-Identifier: MIT */
/* x86_4level.c - 4-level paging: 48-bit addresses (SDM volume 3, 4.5). */
#include "format.h"

const quire_format_t quire_format_x86_4level = FORMAT_x86_4level;
