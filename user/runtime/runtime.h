/* SPDX-License-Identifier: MIT */
/*
 * runtime.h - what a program has instead of a C library: malloc on Quire's heap, a little printing, a little text, and
 * the program's own events.
 */
#ifndef USER_RUNTIME_H
#define USER_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "string.h"

/* The program itself: its result is the exit status. */
int main(int argc, char **argv);

/* malloc.c: as in the C standard, but without errno. */
void free(void *block);
void *malloc(size_t bytes) __attribute__((malloc, warn_unused_result));
void *calloc(size_t count, size_t bytes) __attribute__((malloc, warn_unused_result));
void *realloc(void *block, size_t bytes) __attribute__((warn_unused_result));
void malloc_init(void);
/* Free memory goes back to the system; then the heap checks itself. False: it is damaged. */
bool malloc_trim_and_check(void);

/* print.c: one line, or part of one, in one write to standard output or standard error.
   Knows %s %c %d %u %zu %x %p (0x...) and %%; a result longer than 512 bytes is cut. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* text.c */
size_t text_length(const char *text);
bool text_equal(const char *a, const char *b);
/* Decimal, or hexadecimal after 0x; K, M or G behind it multiplies. What is too large becomes
   SIZE_MAX. False: no number. */
bool text_to_number(const char *text, size_t *number);

/* events.c: the program's own ring of the library's events. */
void events_start(void);
void events_mark(unsigned number);
/* Stops recording and hands all records to the kernel, if it wants them (/dev/events). */
void events_flush(void);

#endif
