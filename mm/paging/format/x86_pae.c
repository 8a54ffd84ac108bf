/* SPDX-License-Identifier: MIT */
/* x86_pae.c - PAE paging: a root of four entries, two levels, 8-byte entries (SDM volume 3, 4.4). */
#include "format.h"

const quire_format_t quire_format_x86_pae = FORMAT_x86_pae;
