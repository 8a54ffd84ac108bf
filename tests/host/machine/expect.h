/* SPDX-License-Identifier: MIT */
/* expect.h - what an access to a page should do, by the manual: the entry's rights, its key, its cache type. */
#ifndef QUIRE_TEST_MACHINE_EXPECT_H
#define QUIRE_TEST_MACHINE_EXPECT_H

#include "host_model.h"

/* PKRU's two bits for a key: 1 forbids all access to data, 2 writes (SDM volume 3, 4.6.2). */
bool expect_key_refuses(uint32_t pkru, unsigned key, model_kind_t kind);

/* CPUs run with CR0.WP and without SMEP and SMAP; pkru is 0 where there are no keys. */
bool expect_allowed(const quire_format_t *format, uint32_t pkru, const quire_page_t *page, model_kind_t kind,
                    model_mode_t mode);
uint32_t expect_code(const quire_format_t *format, uint32_t pkru, const quire_page_t *page, model_kind_t kind,
                     model_mode_t mode);

/* As host_model_boot() has programmed the PAT. */
model_memory_type_t expect_type(const quire_page_t *page);

#endif
