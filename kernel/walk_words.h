/* SPDX-License-Identifier: MIT */
/* walk_words.h - one event in words. */
#ifndef KERNEL_WALK_WORDS_H
#define KERNEL_WALK_WORDS_H

#include <quire/quire.h>

/* The layer an event belongs to, as the walk's column shows it. */
const char *walk_layer(unsigned kind);

bool walk_is_pmm(unsigned kind);

/* "read, write": the rights without the ring. */
const char *walk_prot(unsigned prot);

/* One event as a line of text without a newline; always terminated. */
void walk_sentence(const quire_event_t *event, char *text, size_t bytes);

#endif
