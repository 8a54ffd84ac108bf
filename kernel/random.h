/* SPDX-License-Identifier: MIT */
/* random.h - the kernel's one generator of random numbers: keys, canaries, getrandom(2), /dev/urandom, AT_RANDOM. */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Gathers a seed. Before anything asks for numbers, and before the first canary. */
void random_init(void);

/* More that outsiders do not know, or may not; it never makes the state worse. */
void random_add(const void *bytes, size_t count);

/* At an interrupt: the moment of it. A few instructions; it counts when numbers are asked for next. */
void random_note_moment(void);

void random_bytes(void *to, size_t bytes);

/* Bits that the seed is credited with, at most RANDOM_BITS_FULL, and where they came from, in words. */
#define RANDOM_BITS_FULL 256
unsigned random_credit(void);
const char *random_source(void);

#endif
