/* SPDX-License-Identifier: MIT */
/* exception.h - of a saved machine: the exceptions that are no page faults. */
#ifndef EXPLAIN_EXCEPTION_H
#define EXPLAIN_EXCEPTION_H

#include <stdio.h>

#include "registers.h"

/* Prints what can be said of it, in lines of two blanks; nothing if nothing can. `with` reads the machine's memory; its
   format is NULL where paging is off. */
void exception_print(FILE *out, const quire_explain_t *with, const register_set_t *set, const event_t *event);

#endif
