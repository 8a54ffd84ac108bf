/* SPDX-License-Identifier: MIT */
/*
 * print.c - formatted output without a C library.
 *
 * What one call prints goes out in one system call, so that lines of two programs do not mix.
 */
#include <stdarg.h>

#include "linux.h"
#include "runtime.h"

typedef struct line {
    size_t length;
    char text[512];
} line_t;

static void put_char(line_t *line, char c)
{
    if (line->length < sizeof(line->text))
        line->text[line->length++] = c;
}

static void put_text(line_t *line, const char *text)
{
    while (*text != '\0')
        put_char(line, *text++);
}

static void put_number(line_t *line, size_t number, unsigned base)
{
    char digits[24];
    unsigned count = 0;

    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    while (count != 0)
        put_char(line, digits[--count]);
}

static void put_signed(line_t *line, int number)
{
    if (number < 0)
        put_char(line, '-');
    put_number(line, number < 0 ? 0u - (unsigned)number : (unsigned)number, 10);
}

static void put_argument(line_t *line, char conversion, va_list *arguments)
{
    switch (conversion) {
    case 's':
        put_text(line, va_arg(*arguments, const char *));
        break;
    case 'c':
        put_char(line, (char)va_arg(*arguments, int));
        break;
    case 'd':
        put_signed(line, va_arg(*arguments, int));
        break;
    case 'u':
        put_number(line, va_arg(*arguments, unsigned), 10);
        break;
    case 'z':
        put_number(line, va_arg(*arguments, size_t), 10);
        break;
    case 'x':
        put_number(line, va_arg(*arguments, unsigned), 16);
        break;
    case 'p':
        put_text(line, "0x");
        put_number(line, (size_t)va_arg(*arguments, void *), 16);
        break;
    default:
        put_char(line, conversion);
        break;
    }
}

static void print_to(int file, const char *format, va_list *arguments)
{
    line_t line;

    line.length = 0;
    for (; *format != '\0'; format++) {
        if (*format != '%' || format[1] == '\0') {
            put_char(&line, *format);
            continue;
        }
        format++;
        put_argument(&line, *format, arguments);
        if (format[0] == 'z' && format[1] != '\0')
            format++;
    }
    linux_write(file, (uintptr_t)line.text, line.length);
}

void print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_to(1, format, &arguments);
    va_end(arguments);
}

void print_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_to(2, format, &arguments);
    va_end(arguments);
}
