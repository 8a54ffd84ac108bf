/* SPDX-License-Identifier: MIT */
/*
 * chacha.c - the ChaCha20 block function, from RFC 8439, with the RFC's own vectors as tests (tests/unit/random).
 *
 * Sixteen words: four constants, the key, a counter, a nonce. Ten times a round over the columns and one over the
 * diagonals; the words of the beginning are added. There is no table and no branch on data: time and cache tell
 * nothing.
 *
 * Rejected: a library's file, fetched when the kernel is built. The front door would hang on a source archive that a
 * fresh machine has no entry for, and on 2 MB of it for forty lines that the RFC specifies to the bit.
 */
#include "chacha.h"

static uint32_t rotate(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static void quarter_round(uint32_t *state, unsigned a, unsigned b, unsigned c, unsigned d)
{
    state[a] += state[b];
    state[d] = rotate(state[d] ^ state[a], 16);
    state[c] += state[d];
    state[b] = rotate(state[b] ^ state[c], 12);
    state[a] += state[b];
    state[d] = rotate(state[d] ^ state[a], 8);
    state[c] += state[d];
    state[b] = rotate(state[b] ^ state[c], 7);
}

void chacha20_block(const uint32_t key[CHACHA_KEY_WORDS], uint32_t counter, const uint32_t nonce[CHACHA_NONCE_WORDS],
                    uint8_t out[CHACHA_BLOCK_BYTES])
{
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}; /* "expand 32-byte k" */
    uint32_t state[16];

    for (unsigned i = 0; i < CHACHA_KEY_WORDS; i++)
        start[4 + i] = key[i];
    start[12] = counter;
    for (unsigned i = 0; i < CHACHA_NONCE_WORDS; i++)
        start[13 + i] = nonce[i];
    for (unsigned i = 0; i < 16; i++)
        state[i] = start[i];
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 4; i++)
            quarter_round(state, i, i + 4, i + 8, i + 12);
        for (unsigned i = 0; i < 4; i++)
            quarter_round(state, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12);
    }
    for (unsigned i = 0; i < 16; i++) {
        uint32_t word = state[i] + start[i];

        for (unsigned byte = 0; byte < 4; byte++)
            out[4 * i + byte] = (uint8_t)(word >> 8 * byte);
    }
}
