/* SPDX-License-Identifier: MIT */
/*
 * model.h - what a small address space should be, page by page and byte by byte.
 *
 * The model knows nothing of tables, frames or cursors. It covers all of the space that is given out, so that it can
 * also say whether there was a hole.
 */
#ifndef QUIRE_TEST_VMM_MODEL_H
#define QUIRE_TEST_VMM_MODEL_H

#include "fixture.h"

#define MODEL_PAGES 48
#define MODEL_BYTES (MODEL_PAGES * QUIRE_PAGE_BYTES)
#define MODEL_START (SEAM - MODEL_PAGES / 2 * PAGE)
#define MODEL_END   (MODEL_START + MODEL_PAGES * PAGE)

typedef enum model_kind { MODEL_NOTHING, MODEL_PROMISE, MODEL_GUARD } model_kind_t;

typedef struct model_page {
    model_kind_t kind;
    uint8_t prot; /* without USER */
    uint8_t key;
    bool filled; /* it has a frame */
} model_page_t;

typedef struct model {
    quire_space_t space;
    fixture_t *fixture;
    bool alive;
    model_page_t pages[MODEL_PAGES];
    uint8_t *bytes; /* MODEL_BYTES, what the process should read */
} model_t;

void vmm_model_create(model_t *model, fixture_t *fixture, uint32_t id, uint8_t *bytes);

/* Reserves all of it, and fills two pages in three with bytes of their own. */
void vmm_model_fill(model_t *model);

/* Makes `child`, which is not alive, a fork of `model`. With `scarce` it may fail: then false, and nothing changed. */
bool vmm_model_fork(model_t *model, model_t *child, uint32_t id, bool scarce);

/* Everything the space can be asked is what the model says. */
void vmm_model_verify(model_t *model);

/* One random operation, carried out on both. With `scarce`, QUIRE_NO_MEMORY is an acceptable answer, after which
   nothing may have changed. */
void vmm_model_step(model_t *model, bool scarce);

#endif
