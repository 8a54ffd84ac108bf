/* SPDX-License-Identifier: MIT */
/* console.h - what is typed at the console: keys, the wish to interrupt what is going on (Ctrl-C), and to end it all
   (Ctrl-]). */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdbool.h>

#define CONSOLE_INTERRUPT 3
#define CONSOLE_END       29

/* Whether these two bytes mean that. At first they are bytes like all others, as a program's input needs them. */
void console_watch(bool watch);

/* Whether Ctrl-C was typed and not forgotten yet. What was typed before it is dropped, as a terminal does. */
bool console_interrupted(void);
void console_forget_interrupt(void);

/* The next key; -1: none has been typed. */
int console_read(void);

#endif
