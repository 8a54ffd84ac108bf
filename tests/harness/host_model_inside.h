/* SPDX-License-Identifier: MIT */
/* host_model_inside.h - between the files of the model's home. */
#ifndef QUIRE_TEST_HOST_MODEL_INSIDE_H
#define QUIRE_TEST_HOST_MODEL_INSIDE_H

#include "test.h"

/* The library has come to a point where what it did before is done: the model learns which frames were freed. */
void host_model_hear_events(void);

/* The bytes of a frame of the PMM's RAM, NULL elsewhere. */
void *host_model_frame(quire_frame_t frame);

/* Prints the event after which a flush was due: the last change of an entry that covers the address. */
void host_model_print_culprit(const quire_format_t *format, uint64_t va);

/* Whoever wants to act between two steps of the library does so now. */
void host_model_step(void);
bool host_model_in_step(void);

/* Between two tests: no machine. */
void host_model_stop(void);

#endif
