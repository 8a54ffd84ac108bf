/* SPDX-License-Identifier: MIT */
/*
 * pmm.c - taking frames and giving them back.
 *
 * Problem: find a free block of 2^order frames, aligned to its size, without a search that grows with memory; and
 * notice every attempt to free what is not allocated.
 *
 * Idea: one bit a frame (1 = free) is the truth. Fields of 512 frames have a counter each, so that a search skips
 * whole fields. One record a frame (32 bits) holds references, owner and order of the block that starts there: a frame
 * without RECORD_HEAD cannot be freed, which detects double and foreign frees by looking at one word.
 *
 * Invariants (quire_pmm_check): a bit is set only on a managed frame outside every block; a field's counter is the
 * number of its bits; total = free + used.
 *
 * Lock order: the PMM's lock is a leaf. Frames are zeroed outside it.
 */
#include "pmm/pmm_private.h"

#include <quire/event.h>

#include "string.h"

#define RECORD_PINNED RECORD_REFERENCES /* a count that has reached its maximum stays there */

static uint64_t block_mask(size_t index, unsigned order)
{
    uint64_t ones = order >= 6 ? UINT64_MAX : ((uint64_t)1 << (1u << order)) - 1;

    return ones << (index % WORD_FRAMES);
}

static size_t block_words(unsigned order)
{
    return order > 6 ? (size_t)1 << (order - 6) : 1;
}

void pmm_mark(quire_pmm_t *pmm, size_t index, unsigned order, bool free)
{
    size_t frames = (size_t)1 << order;
    uint64_t mask = block_mask(index, order);

    for (size_t word = 0; word < block_words(order); word++) {
        if (free)
            pmm->bitmap[index / WORD_FRAMES + word] |= mask;
        else
            pmm->bitmap[index / WORD_FRAMES + word] &= ~mask;
    }
    for (size_t done = 0; done < frames; done += FIELD_FRAMES) {
        uint16_t *counter = &pmm->field_free[(index + done) >> FIELD_ORDER];
        size_t change = frames < FIELD_FRAMES ? frames : FIELD_FRAMES;
        *counter = (uint16_t)(free ? *counter + change : *counter - change);
    }
    pmm->free_frames += free ? frames : (size_t)0 - frames;
}

/* The lowest aligned free block inside one word, or 64. */
static unsigned find_in_word(uint64_t word, unsigned order)
{
    static const uint64_t starts[] = {UINT64_MAX,          0x5555555555555555u, 0x1111111111111111u,
                                      0x0101010101010101u, 0x0001000100010001u, 0x0000000100000001u,
                                      0x0000000000000001u};

    for (unsigned step = 0; step < order; step++)
        word &= word >> (1u << step);
    word &= starts[order];
    return word == 0 ? WORD_FRAMES : (unsigned)__builtin_ctzll(word);
}

static bool words_free(const uint64_t *words, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        if (words[at] != UINT64_MAX)
            return false;
    }
    return true;
}

/* Looks for a block in one field (orders up to 9) or in a pair of fields (order 10). */
static bool find_in_field(const quire_pmm_t *pmm, size_t field, unsigned order, size_t *index)
{
    const uint64_t *words = pmm->bitmap + field * FIELD_WORDS;

    if (pmm->field_free[field] < (order < FIELD_ORDER ? 1u << order : FIELD_FRAMES))
        return false;
    if (order > 6) {
        size_t step = block_words(order);
        for (size_t at = 0; at < FIELD_WORDS; at += step) {
            if (words_free(words + at, step)) {
                *index = field * FIELD_FRAMES + at * WORD_FRAMES;
                return true;
            }
        }
        return false;
    }
    for (size_t at = 0; at < FIELD_WORDS; at++) {
        unsigned bit = find_in_word(words[at], order);
        if (bit < WORD_FRAMES) {
            *index = field * FIELD_FRAMES + at * WORD_FRAMES + bit;
            return true;
        }
    }
    return false;
}

/* Searches fields [low, high), starting where the last search of this lifetime ended. */
static bool find_in_range(quire_pmm_t *pmm, size_t low, size_t high, quire_pmm_request_t request, size_t *index)
{
    size_t step = request.order > FIELD_ORDER ? 2 : 1;
    size_t hint = pmm->search_field[request.lifetime] & ~(step - 1);

    if (hint < low || hint >= high)
        hint = low;
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t field = pass == 0 ? hint : low; field < (pass == 0 ? high : hint); field += step) {
            if (find_in_field(pmm, field, request.order, index)) {
                pmm->search_field[request.lifetime] = field;
                return true;
            }
        }
    }
    return false;
}

/* The first field at or above a zone's end. */
static size_t zone_field(const quire_pmm_t *pmm, quire_zone_t zone)
{
    size_t end = zone_end(zone) < pmm->end_frame ? zone_end(zone) : pmm->end_frame;

    return end <= pmm->first_frame ? 0 : (end - pmm->first_frame + FIELD_FRAMES - 1) >> FIELD_ORDER;
}

/* Narrow zones are used last, because some callers can use nothing else. */
static bool find_block(quire_pmm_t *pmm, quire_pmm_request_t request, size_t *index)
{
    size_t high = zone_field(pmm, (quire_zone_t)request.zone);

    for (int zone = request.zone + 1; zone < QUIRE_ZONES; zone++) {
        size_t low = zone_field(pmm, (quire_zone_t)zone);
        if (low < high && find_in_range(pmm, low, high, request, index))
            return true;
        if (low < high)
            high = low;
    }
    return find_in_range(pmm, 0, high, request, index);
}

static void zero_block(size_t number, unsigned order)
{
    for (size_t at = 0; at < (size_t)1 << order; at++) {
        void *window = quire_port_window_open(quire_frame(number + at));
        memset(window, 0, QUIRE_PAGE_BYTES);
        quire_port_window_close(window);
    }
    quire_event(.kind = QUIRE_EVENT_FRAME_ZERO, .frame = number, .bytes = QUIRE_PAGE_BYTES << order);
}

quire_status_t quire_pmm_alloc(quire_pmm_t *pmm, quire_pmm_request_t request, quire_frame_t *frame)
{
    size_t index;

    if (request.order > QUIRE_PMM_ORDER_MAX || request.zone >= QUIRE_ZONES || request.owner == QUIRE_OWNER_NONE ||
        request.owner >= QUIRE_OWNERS || request.lifetime >= QUIRE_LIFETIMES)
        return QUIRE_INVALID;

    quire_port_lock(&pmm->lock);
    bool found = find_block(pmm, request, &index);
    if (found) {
        pmm_mark(pmm, index, request.order, false);
        pmm->owner_frames[request.owner] += (size_t)1 << request.order;
        record_write(pmm, index,
                     RECORD_MANAGED | RECORD_HEAD | (uint32_t)request.order << RECORD_ORDER_SHIFT |
                         (uint32_t)request.owner << RECORD_OWNER_SHIFT | 1);
    }
    quire_port_unlock(&pmm->lock);
    if (!found)
        return QUIRE_NO_MEMORY;

    size_t number = pmm->first_frame + index;
    quire_event(.kind = QUIRE_EVENT_FRAME_ALLOC, .level = request.order, .frame = number,
                .bytes = QUIRE_PAGE_BYTES << request.order, .detail = request.owner);
    if (request.zeroed)
        zero_block(number, request.order);
    *frame = quire_frame(number);
    return QUIRE_OK;
}

/* Frees the block at `index`, whose record has been read under the lock. */
static void free_block(quire_pmm_t *pmm, size_t index, uint32_t record)
{
    unsigned order = record_order(record);

    record_write(pmm, index, record & ~(RECORD_HEAD | RECORD_REFERENCES));
    pmm->owner_frames[record_owner(record)] -= (size_t)1 << order;
    pmm_mark(pmm, index, order, true);
    quire_event(.kind = QUIRE_EVENT_FRAME_FREE, .level = (uint8_t)order, .frame = pmm->first_frame + index,
                .bytes = QUIRE_PAGE_BYTES << order, .detail = record_owner(record));
}

quire_status_t quire_pmm_free(quire_pmm_t *pmm, quire_frame_t frame, unsigned order)
{
    if (!covers(pmm, frame))
        return QUIRE_CORRUPT;
    size_t index = frame.number - pmm->first_frame;

    quire_port_lock(&pmm->lock);
    uint32_t record = pmm->records[index];
    bool valid = (record & RECORD_HEAD) && record_order(record) == order && (record & RECORD_REFERENCES) == 1;
    if (valid)
        free_block(pmm, index, record);
    quire_port_unlock(&pmm->lock);
    return valid ? QUIRE_OK : QUIRE_CORRUPT;
}

quire_status_t quire_pmm_retain(quire_pmm_t *pmm, quire_frame_t frame)
{
    if (!covers(pmm, frame))
        return QUIRE_CORRUPT;
    size_t index = frame.number - pmm->first_frame;

    quire_port_lock(&pmm->lock);
    uint32_t record = pmm->records[index];
    bool valid = record & RECORD_HEAD;
    if (valid && (record & RECORD_REFERENCES) != RECORD_PINNED)
        record_write(pmm, index, record + 1);
    quire_port_unlock(&pmm->lock);
    return valid ? QUIRE_OK : QUIRE_CORRUPT;
}

quire_status_t quire_pmm_release(quire_pmm_t *pmm, quire_frame_t frame, bool *freed)
{
    if (!covers(pmm, frame))
        return QUIRE_CORRUPT;
    size_t index = frame.number - pmm->first_frame;

    quire_port_lock(&pmm->lock);
    uint32_t record = pmm->records[index];
    bool valid = record & RECORD_HEAD;
    bool last = valid && (record & RECORD_REFERENCES) == 1;
    if (last)
        free_block(pmm, index, record);
    else if (valid && (record & RECORD_REFERENCES) != RECORD_PINNED)
        record_write(pmm, index, record - 1);
    quire_port_unlock(&pmm->lock);
    if (valid && freed != NULL)
        *freed = last;
    return valid ? QUIRE_OK : QUIRE_CORRUPT;
}

uint32_t quire_pmm_references(const quire_pmm_t *pmm, quire_frame_t frame)
{
    if (!covers(pmm, frame))
        return 0;
    return record_read(pmm, frame.number - pmm->first_frame) & RECORD_REFERENCES;
}
