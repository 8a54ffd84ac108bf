/* SPDX-License-Identifier: MIT */
/*
 * hello.c - the least program: prints its arguments and a line.
 *
 *     hello [STATUS] [ANYTHING...]
 *
 * Exit status: STATUS, 0 if it is missing or no number.
 */
#include "runtime.h"

int main(int argc, char **argv)
{
    size_t status = 0;

    for (int i = 0; i < argc; i++)
        print("argv[%d] = \"%s\"\n", i, argv[i]);
    print("Hello from ring 3.\n");
    if (argc > 1 && !text_to_number(argv[1], &status))
        status = 0;
    return (int)status;
}
