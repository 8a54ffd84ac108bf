/* SPDX-License-Identifier: MIT */
/* chacha.h - the ChaCha20 block function (RFC 8439, 2.3). */
#ifndef KERNEL_CHACHA_H
#define KERNEL_CHACHA_H

#include <stdint.h>

#define CHACHA_KEY_WORDS   8
#define CHACHA_NONCE_WORDS 3
#define CHACHA_BLOCK_BYTES 64

/* 64 bytes of the key's stream, from byte 64 * counter on. */
void chacha20_block(const uint32_t key[CHACHA_KEY_WORDS], uint32_t counter, const uint32_t nonce[CHACHA_NONCE_WORDS],
                    uint8_t out[CHACHA_BLOCK_BYTES]);

#endif
