/* SPDX-License-Identifier: MIT */
/* copies.c - a process becomes two, and the kernel copies from, to and into a process's memory. */
#include "machine.h"

/* One process ends, and another is forked in its place; without memory for that, an empty one comes instead. */
void machine_fork(machine_t *machine)
{
    unsigned from = 1 + (unsigned)test_random_below(SPACES - 1);
    unsigned to = 1 + (unsigned)test_random_below(SPACES - 1);
    flat_t *parent = &machine->flats[from];
    flat_t *child = &machine->flats[to];
    uint32_t id = machine->next_id++;
    quire_status_t status;

    if (from == to)
        return;
    machine_leave(machine, to);
    quire_vmm_destroy(&child->space);
    flat_set(child, (run_t){0, child->count}, FLAT_NOTHING, 0);
    status = quire_vmm_fork(&parent->space, &child->space, id);
    if (machine_happened(machine, status, QUIRE_OK, 8)) {
        flat_copy(child, parent);
        if (test_random() % 2 == 0)
            machine_switch(machine, (unsigned)test_random_below(CPUS), to);
        return;
    }
    /* The parent's pages may be marked as shared with nobody; the next write finds that it has the page alone. */
    for (size_t i = 0; i < parent->count; i++)
        parent->pages[i].perhaps = parent->pages[i].filled;
    CHECK_OK(quire_vmm_create(&child->space, &machine->flats[0].space, id, child->start,
                              child->start + child->count * PAGE));
}

/* How many of `bytes` from `offset` the process itself could access so. */
static size_t good_bytes(const flat_t *flat, size_t offset, size_t bytes, bool write)
{
    for (size_t at = offset; at < offset + bytes; at = (at / QUIRE_PAGE_BYTES + 1) * QUIRE_PAGE_BYTES) {
        size_t index = at / QUIRE_PAGE_BYTES;
        model_kind_t kind = write ? MODEL_WRITE : MODEL_READ;

        if (index >= flat->count || flat_expect(flat, index, kind, true).status != QUIRE_OK)
            return at - offset;
    }
    return bytes;
}

static void touched(flat_t *flat, size_t offset, size_t bytes, bool write)
{
    for (size_t i = offset / QUIRE_PAGE_BYTES; bytes != 0 && i <= (offset + bytes - 1) / QUIRE_PAGE_BYTES; i++) {
        flat_repair(&flat->pages[i], write);
        flat->pages[i].dirty |= write;
    }
}

void machine_copy(machine_t *machine, flat_t *flat)
{
    static uint8_t buffer[2 * QUIRE_PAGE_BYTES];
    size_t offset = machine_random_page(flat) * QUIRE_PAGE_BYTES + (size_t)test_random_below(QUIRE_PAGE_BYTES);
    size_t bytes = 1 + (size_t)test_random_below(test_random_below(4) == 0 ? sizeof(buffer) : 32);
    bool write = test_random() % 2 == 0;
    size_t good = flat->user ? good_bytes(flat, offset, bytes, write) : 0;
    quire_status_t expected = good == bytes ? QUIRE_OK : QUIRE_DENIED;
    size_t copied = 0;
    quire_status_t status;

    for (size_t i = 0; i < bytes; i++)
        buffer[i] = (uint8_t)(i + machine->operations);
    if (write)
        status = quire_vmm_copy_to_user(&flat->space, flat->start + offset, buffer, bytes, &copied);
    else
        status = quire_vmm_copy_from_user(&flat->space, buffer, flat->start + offset, bytes, &copied);
    if (machine_happened(machine, status, expected, 4) || status == QUIRE_DENIED)
        CHECK_EQUAL(copied, good);
    CHECK(copied <= good);
    if (write)
        flat_write(flat, offset, buffer, copied);
    else
        CHECK(flat_same(flat, offset, buffer, copied));
    touched(flat, offset, copied, write);
}

/* As a loader or debugger: whatever the protection says. */
void machine_poke(machine_t *machine, flat_t *flat)
{
    uint8_t buffer[16];
    size_t index = machine_random_page(flat);
    size_t offset = index * QUIRE_PAGE_BYTES + (size_t)test_random_below(QUIRE_PAGE_BYTES - sizeof(buffer));
    quire_status_t expected = QUIRE_OK;
    quire_status_t status;

    for (size_t i = 0; i < sizeof(buffer); i++)
        buffer[i] = (uint8_t)test_random();
    if (flat->pages[index].kind != FLAT_PROMISE)
        expected = flat->pages[index].kind == FLAT_GUARD ? QUIRE_DENIED : QUIRE_NOT_FOUND;
    status = quire_vmm_poke(&flat->space, flat->start + offset, buffer, sizeof(buffer));
    if (machine_happened(machine, status, expected, 2)) {
        flat_write(flat, offset, buffer, sizeof(buffer));
        touched(flat, offset, sizeof(buffer), true);
    }
}
