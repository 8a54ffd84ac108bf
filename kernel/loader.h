/* SPDX-License-Identifier: MIT */
/* loader.h - a judged executable into an address space. */
#ifndef KERNEL_LOADER_H
#define KERNEL_LOADER_H

#include <quire/quire.h>

#include "elf.h"

/* Promises every segment of `image`, which elf_parse() has made of this file, in an empty space and copies the file's
   bytes in. The caller destroys the space
   when this fails; *reason then says what was missing. */
quire_status_t loader_load(quire_space_t *space, const void *file, size_t bytes, const elf_image_t *image,
                           const char **reason) QUIRE_MUST_CHECK;

#endif
