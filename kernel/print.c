/* SPDX-License-Identifier: MIT */
/*
 * print.c - the smallest printf that the kernel's messages need.
 *
 * One formatter feeds a sink, character by character; the console and a buffer are the two sinks. It allocates nothing
 * and takes no lock, so that it works in the first instruction of C and in the last one before the machine stops.
 */
#include "print.h"

#include "arch/arch.h"
#include "boot.h"

typedef struct sink {
    char *text; /* NULL: the console */
    size_t size;
    size_t length;
} sink_t;

typedef struct spec {
    bool left;
    char pad;
    int width;
    int length; /* 0 int, 1 long, 2 long long, 3 size_t */
} spec_t;

static int quiet_console;

/* A terminal on a serial line wants a carriage return before each new line; a file does not. */
void print_bytes(const char *bytes, size_t count)
{
    static int plain = -1; /* not asked yet */
    size_t start = 0;

    if (plain < 0)
        plain = boot_option("lf", NULL, 0);
    for (size_t i = 0; i < count && !plain; i++) {
        if (bytes[i] != '\n')
            continue;
        serial_write(SERIAL_CONSOLE, bytes + start, i - start);
        serial_write(SERIAL_CONSOLE, "\r", 1);
        start = i;
    }
    serial_write(SERIAL_CONSOLE, bytes + start, count - start);
}

static void put(sink_t *sink, char c)
{
    if (sink->text == NULL) {
        print_bytes(&c, 1);
    } else if (sink->length + 1 < sink->size) {
        sink->text[sink->length] = c;
    }
    sink->length++;
}

static void put_padded(sink_t *sink, const spec_t *spec, const char *text, size_t length)
{
    int fill = spec->width - (int)length;

    /* A minus sign comes before padding zeros. */
    if (spec->pad == '0' && length > 0 && *text == '-') {
        put(sink, *text++);
        length--;
    }
    for (; !spec->left && fill > 0; fill--)
        put(sink, spec->pad);
    for (size_t i = 0; i < length; i++)
        put(sink, text[i]);
    for (; fill > 0; fill--)
        put(sink, ' ');
}

static void put_number(sink_t *sink, const spec_t *spec, unsigned long long value, unsigned base, bool negative)
{
    char text[24];
    size_t at = sizeof(text);

    do {
        text[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (negative)
        text[--at] = '-';
    put_padded(sink, spec, &text[at], sizeof(text) - at);
}

/* Through a pointer, because a va_list passed by value is not advanced in the caller. */
typedef struct arguments {
    va_list list;
} arguments_t;

static unsigned long long next_unsigned(arguments_t *arguments, int length)
{
    switch (length) {
    case 0:
        return va_arg(arguments->list, unsigned);
    case 1:
        return va_arg(arguments->list, unsigned long);
    case 2:
        return va_arg(arguments->list, unsigned long long);
    default:
        return va_arg(arguments->list, size_t);
    }
}

static long long next_signed(arguments_t *arguments, int length)
{
    switch (length) {
    case 0:
        return va_arg(arguments->list, int);
    case 1:
        return va_arg(arguments->list, long);
    case 2:
        return va_arg(arguments->list, long long);
    default:
        return (long long)va_arg(arguments->list, ptrdiff_t);
    }
}

static void put_string(sink_t *sink, const spec_t *spec, const char *text)
{
    size_t length = 0;

    if (text == NULL)
        text = "(null)";
    while (text[length] != '\0')
        length++;
    put_padded(sink, spec, text, length);
}

static void put_conversion(sink_t *sink, const spec_t *spec, char conversion, arguments_t *arguments)
{
    long long value;
    char c;

    switch (conversion) {
    case 'd':
        value = next_signed(arguments, spec->length);
        put_number(sink, spec, value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value, 10, value < 0);
        break;
    case 'u':
        put_number(sink, spec, next_unsigned(arguments, spec->length), 10, false);
        break;
    case 'x':
        put_number(sink, spec, next_unsigned(arguments, spec->length), 16, false);
        break;
    case 'p':
        put(sink, '0');
        put(sink, 'x');
        put_number(sink, spec, (uintptr_t)va_arg(arguments->list, void *), 16, false);
        break;
    case 's':
        put_string(sink, spec, va_arg(arguments->list, const char *));
        break;
    case 'c':
        c = (char)va_arg(arguments->list, int);
        put_padded(sink, spec, &c, 1);
        break;
    default:
        put(sink, conversion);
        break;
    }
}

static const char *parse_spec(const char *at, spec_t *spec, arguments_t *arguments)
{
    *spec = (spec_t){.pad = ' '};
    for (; *at == '-' || *at == '0'; at++) {
        spec->left |= *at == '-';
        spec->pad = *at == '0' ? '0' : spec->pad;
    }
    if (*at == '*') {
        spec->width = va_arg(arguments->list, int);
        at++;
    }
    for (; *at >= '0' && *at <= '9'; at++)
        spec->width = spec->width * 10 + (*at - '0');
    for (; *at == 'l'; at++)
        spec->length++;
    if (*at == 'z') {
        spec->length = 3;
        at++;
    }
    return at;
}

static void put_formatted(sink_t *sink, const char *format, va_list list)
{
    arguments_t arguments;
    spec_t spec;

    va_copy(arguments.list, list);
    for (const char *at = format; *at != '\0'; at++) {
        if (*at != '%') {
            put(sink, *at);
            continue;
        }
        at = parse_spec(at + 1, &spec, &arguments);
        if (*at == '\0')
            break;
        put_conversion(sink, &spec, *at, &arguments);
    }
    va_end(arguments.list);
}

void print_list(const char *format, va_list list)
{
    sink_t console = {0};

    if (!quiet_console)
        put_formatted(&console, format, list);
}

void print(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    print_list(format, list);
    va_end(list);
}

void print_always(const char *format, ...)
{
    sink_t console = {0};
    va_list list;

    va_start(list, format);
    put_formatted(&console, format, list);
    va_end(list);
}

void print_quiet(int quiet)
{
    quiet_console = quiet;
}

size_t print_to(char *text, size_t size, const char *format, ...)
{
    sink_t buffer = {text, size, 0};
    va_list list;

    va_start(list, format);
    put_formatted(&buffer, format, list);
    va_end(list);
    if (size > 0)
        text[buffer.length < size ? buffer.length : size - 1] = '\0';
    return buffer.length;
}
