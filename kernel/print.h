/* SPDX-License-Identifier: MIT */
/* print.h - formatted text on the console: %s %c %d %u %x %p, with l, ll and z, widths, '-' and '0'; %% is a percent
 * sign. */
#ifndef KERNEL_PRINT_H
#define KERNEL_PRINT_H

#include <stdarg.h>
#include <stddef.h>

#define PRINT_FORMAT(at, rest) __attribute__((format(printf, at, rest)))

void print(const char *format, ...) PRINT_FORMAT(1, 2);
void print_list(const char *format, va_list list) PRINT_FORMAT(1, 0);

/* Bytes to the console as they are, quiet or not, each new line as the console wants it. */
void print_bytes(const char *bytes, size_t count);

/* Into a buffer, always terminated; returns the length it would have had. */
size_t print_to(char *text, size_t size, const char *format, ...) PRINT_FORMAT(3, 4);

/* While quiet, print() drops everything but what print_always() says. */
void print_quiet(int quiet);
void print_always(const char *format, ...) PRINT_FORMAT(1, 2);

#endif
