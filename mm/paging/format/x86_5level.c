/* SPDX-License-Identifier: MIT */
/* x86_5level.c - 5-level paging: 57-bit addresses (SDM volume 3, 4.5). */
#include "format.h"

const quire_format_t quire_format_x86_5level = FORMAT_x86_5level;
