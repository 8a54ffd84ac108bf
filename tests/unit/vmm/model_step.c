/* SPDX-License-Identifier: MIT */
/* model_step.c - random operations, on the space and on the model. */
#include "model.h"
#include "string.h"

#define RUN_PAGES_MAX 12

typedef struct run {
    size_t first;
    size_t count;
} run_t;

static quire_va_t address_of(size_t index)
{
    return MODEL_START + index * PAGE;
}

/* What was expected came; or memory is scarce and that was the answer. True if the operation happened. */
static bool happened(quire_status_t status, quire_status_t expected, bool scarce)
{
    if (scarce && status == QUIRE_NO_MEMORY)
        return false;
    CHECK_EQUAL(status, expected);
    return status == QUIRE_OK;
}

static run_t random_run(void)
{
    run_t run = {.first = (size_t)test_random_below(MODEL_PAGES)};
    size_t room = MODEL_PAGES - run.first;

    run.count = 1 + (size_t)test_random_below(room < RUN_PAGES_MAX ? room : RUN_PAGES_MAX);
    return run;
}

/* A length that rounds up to the run. */
static size_t bytes_of(run_t run)
{
    return run.count * QUIRE_PAGE_BYTES - (test_random() % 2 == 0 ? 0 : (size_t)test_random_below(QUIRE_PAGE_BYTES));
}

static uint8_t random_prot(void)
{
    static const uint8_t choice[] = {
        QUIRE_PROT_NONE,
        QUIRE_PROT_READ,
        QUIRE_PROT_READ | QUIRE_PROT_EXEC,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC,
    };

    return choice[test_random_below(sizeof(choice))];
}

static size_t count_kind(const model_t *model, run_t run, model_kind_t kind)
{
    size_t count = 0;

    for (size_t i = run.first; i < run.first + run.count; i++)
        count += model->pages[i].kind == kind;
    return count;
}

static bool is_free(const model_t *model, run_t run)
{
    return run.first + run.count <= MODEL_PAGES && count_kind(model, run, MODEL_NOTHING) == run.count;
}

static bool has_hole(const model_t *model, size_t count)
{
    for (size_t first = 0; first + count <= MODEL_PAGES; first++) {
        if (is_free(model, (run_t){first, count}))
            return true;
    }
    return false;
}

static void set_run(model_t *model, run_t run, model_kind_t kind, uint8_t prot)
{
    for (size_t i = run.first; i < run.first + run.count; i++)
        model->pages[i] = (model_page_t){.kind = kind, .prot = prot};
    memset(model->bytes + run.first * QUIRE_PAGE_BYTES, 0, run.count * QUIRE_PAGE_BYTES);
}

static void step_reserve_fixed(model_t *model, bool scarce)
{
    run_t run = random_run();
    uint8_t prot = random_prot();
    bool guard = test_random_below(6) == 0;
    bool replace = test_random() % 2 == 0;
    unsigned flags = replace ? QUIRE_RESERVE_REPLACE : QUIRE_RESERVE_FIXED;
    quire_status_t expected = replace || is_free(model, run) ? QUIRE_OK : QUIRE_EXISTS;
    quire_va_t va = 0;
    quire_status_t status = quire_vmm_reserve(&model->space, address_of(run.first), bytes_of(run), prot,
                                              guard ? flags | QUIRE_RESERVE_GUARD : flags, &va);

    if (happened(status, expected, scarce)) {
        CHECK_EQUAL(va, address_of(run.first));
        set_run(model, run, guard ? MODEL_GUARD : MODEL_PROMISE, guard ? QUIRE_PROT_NONE : prot);
    }
}

static void step_reserve(model_t *model, bool scarce)
{
    run_t run = random_run();
    run_t hint = {(size_t)test_random_below(MODEL_PAGES), run.count};
    bool hinted = test_random() % 2 == 0;
    uint8_t prot = random_prot();
    quire_status_t expected = has_hole(model, run.count) ? QUIRE_OK : QUIRE_NO_SPACE;
    quire_va_t at = hinted ? address_of(hint.first) + test_random_below(PAGE) : 0;
    quire_va_t va = 0;
    quire_status_t status = quire_vmm_reserve(&model->space, at, bytes_of(run), prot, 0, &va);

    if (happened(status, expected, scarce)) {
        CHECK(va >= MODEL_START && va < MODEL_END && va % PAGE == 0);
        run.first = (size_t)((va - MODEL_START) / PAGE);
        CHECK(is_free(model, run));
        if (hinted && is_free(model, hint))
            CHECK_EQUAL(run.first, hint.first);
        set_run(model, run, MODEL_PROMISE, prot);
    }
}

static void step_unmap(model_t *model, bool scarce)
{
    run_t run = random_run();
    quire_status_t status = quire_vmm_unmap(&model->space, address_of(run.first), bytes_of(run));

    if (happened(status, QUIRE_OK, scarce))
        set_run(model, run, MODEL_NOTHING, QUIRE_PROT_NONE);
}

static void step_protect(model_t *model, bool scarce)
{
    run_t run = random_run();
    uint8_t prot = random_prot();
    quire_status_t expected = count_kind(model, run, MODEL_NOTHING) == 0 ? QUIRE_OK : QUIRE_NOT_FOUND;
    quire_status_t status = quire_vmm_protect(&model->space, address_of(run.first), bytes_of(run), prot);

    if (happened(status, expected, scarce)) {
        for (size_t i = run.first; i < run.first + run.count; i++)
            model->pages[i].prot = prot;
    }
}

static void step_protect_key(model_t *model, bool scarce)
{
    run_t run = random_run();
    uint8_t prot = random_prot();
    uint8_t key = (uint8_t)test_random_below(QUIRE_KEYS);
    quire_status_t expected = count_kind(model, run, MODEL_NOTHING) == 0 ? QUIRE_OK : QUIRE_NOT_FOUND;
    quire_status_t status;

    if (key >= quire_format_keys(model->space.table.format))
        expected = QUIRE_UNSUPPORTED;
    status = quire_vmm_protect_key(&model->space, address_of(run.first), bytes_of(run), prot, key);
    if (happened(status, expected, scarce)) {
        for (size_t i = run.first; i < run.first + run.count; i++) {
            model->pages[i].prot = prot;
            model->pages[i].key = key;
        }
    }
}

/* Another thread's turn, or the same one has changed its register. Mostly something is forbidden to few keys. */
static void step_key_rights(model_t *model, bool scarce)
{
    (void)scarce;
    model->space.key_rights = test_random_below(3) == 0 ? 0 : (uint32_t)(test_random() & test_random());
}

static void step_discard(model_t *model, bool scarce)
{
    run_t run = random_run();
    quire_status_t status = quire_vmm_discard(&model->space, address_of(run.first), bytes_of(run));

    if (happened(status, QUIRE_OK, scarce)) {
        for (size_t i = run.first; i < run.first + run.count; i++)
            model->pages[i].filled = false;
        memset(model->bytes + run.first * QUIRE_PAGE_BYTES, 0, run.count * QUIRE_PAGE_BYTES);
    }
}

static void step_populate(model_t *model, bool scarce)
{
    run_t run = random_run();
    quire_status_t expected = QUIRE_OK;
    quire_status_t status;

    for (size_t i = run.first; i < run.first + run.count && expected == QUIRE_OK; i++) {
        if (model->pages[i].kind == MODEL_NOTHING)
            expected = QUIRE_NOT_FOUND;
        else if (model->pages[i].kind == MODEL_GUARD || model->pages[i].prot == QUIRE_PROT_NONE)
            expected = QUIRE_DENIED;
    }
    status = quire_vmm_populate(&model->space, address_of(run.first), bytes_of(run));
    if (happened(status, expected, scarce)) {
        for (size_t i = run.first; i < run.first + run.count; i++)
            model->pages[i].filled = true;
    }
}

static quire_status_t expected_access(const model_t *model, size_t index, unsigned access)
{
    const model_page_t *page = &model->pages[index];
    unsigned forbidden = model->space.key_rights >> (2 * page->key) & 3;

    if (page->kind == MODEL_NOTHING)
        return QUIRE_NOT_FOUND;
    if (page->kind == MODEL_GUARD || page->prot == QUIRE_PROT_NONE || (access & QUIRE_ACCESS_USER) == 0)
        return QUIRE_DENIED;
    if ((access & QUIRE_ACCESS_WRITE) != 0 && (page->prot & QUIRE_PROT_WRITE) == 0)
        return QUIRE_DENIED;
    if ((access & QUIRE_ACCESS_EXEC) != 0 && (page->prot & QUIRE_PROT_EXEC) == 0)
        return QUIRE_DENIED;
    if ((access & QUIRE_ACCESS_KEY) != 0)
        return QUIRE_DENIED;
    if ((access & QUIRE_ACCESS_EXEC) == 0 &&
        (forbidden == 1 || forbidden == 3 || (forbidden == 2 && (access & QUIRE_ACCESS_WRITE) != 0)))
        return QUIRE_DENIED;
    return QUIRE_OK;
}

static void step_fault(model_t *model, bool scarce)
{
    size_t index = (size_t)test_random_below(MODEL_PAGES);
    unsigned access = (unsigned)test_random_below(8) * QUIRE_ACCESS_WRITE |
                      (test_random_below(8) == 0 ? (unsigned)QUIRE_ACCESS_KEY : 0);
    quire_status_t status;

    status = quire_vmm_fault(&model->space, address_of(index) + test_random_below(PAGE), access);
    if (happened(status, expected_access(model, index, access), scarce))
        model->pages[index].filled = true;
}

/* How many of `bytes` from `offset` the process may access so, and the answer for all of them. */
static quire_status_t expected_copy(const model_t *model, size_t offset, size_t bytes, unsigned access, size_t *good)
{
    size_t at = offset;

    while (at < offset + bytes) {
        size_t index = at / QUIRE_PAGE_BYTES;

        if (index >= MODEL_PAGES || expected_access(model, index, access) != QUIRE_OK) {
            *good = at - offset;
            return QUIRE_DENIED;
        }
        at = (index + 1) * QUIRE_PAGE_BYTES;
    }
    *good = bytes;
    return QUIRE_OK;
}

static void fill_pages(model_t *model, size_t offset, size_t bytes)
{
    if (bytes == 0)
        return;
    for (size_t i = offset / QUIRE_PAGE_BYTES; i <= (offset + bytes - 1) / QUIRE_PAGE_BYTES; i++)
        model->pages[i].filled = true;
}

static void step_copy(model_t *model, bool scarce)
{
    static uint8_t buffer[3 * QUIRE_PAGE_BYTES];
    size_t offset = (size_t)test_random_below(MODEL_BYTES);
    size_t bytes = (size_t)test_random_below(sizeof(buffer) + 1);
    bool in = test_random() % 2 == 0;
    size_t copied = 0;
    size_t good;
    quire_status_t expected = expected_copy(model, offset, bytes, in ? USER_WRITE : USER_READ, &good);
    quire_status_t status;

    memset(buffer, (int)test_random_below(255) + 1, bytes);
    if (in)
        status = quire_vmm_copy_to_user(&model->space, MODEL_START + offset, buffer, bytes, &copied);
    else
        status = quire_vmm_copy_from_user(&model->space, buffer, MODEL_START + offset, bytes, &copied);
    if (scarce && status == QUIRE_NO_MEMORY) {
        CHECK(copied < good);
    } else {
        CHECK_EQUAL(status, expected);
        CHECK_EQUAL(copied, good);
    }
    if (in)
        memcpy(model->bytes + offset, buffer, copied);
    else
        CHECK(memcmp(model->bytes + offset, buffer, copied) == 0);
    fill_pages(model, offset, copied);
}

/* Within one page, so that it happens wholly or not at all. */
static void step_poke_or_clear(model_t *model, bool scarce)
{
    uint8_t buffer[64];
    size_t index = (size_t)test_random_below(MODEL_PAGES);
    size_t offset = index * QUIRE_PAGE_BYTES + (size_t)test_random_below(QUIRE_PAGE_BYTES - sizeof(buffer));
    const model_page_t *page = &model->pages[index];
    quire_status_t expected = QUIRE_OK;
    quire_status_t status;

    memset(buffer, (int)test_random_below(256), sizeof(buffer));
    if (test_random() % 2 == 0) {
        if (page->kind != MODEL_PROMISE)
            expected = page->kind == MODEL_GUARD ? QUIRE_DENIED : QUIRE_NOT_FOUND;
        status = quire_vmm_poke(&model->space, MODEL_START + offset, buffer, sizeof(buffer));
    } else {
        if (expected_access(model, index, USER_WRITE) != QUIRE_OK)
            expected = QUIRE_DENIED;
        memset(buffer, 0, sizeof(buffer));
        status = quire_vmm_clear_user(&model->space, MODEL_START + offset, sizeof(buffer));
    }
    if (happened(status, expected, scarce)) {
        memcpy(model->bytes + offset, buffer, sizeof(buffer));
        model->pages[index].filled = true;
    }
}

/* What was first run is now at `to`, with `count` pages; what it has more is promised like its last page. */
static void carry_run(model_t *model, run_t from, run_t to)
{
    static model_page_t pages[RUN_PAGES_MAX];
    static uint8_t bytes[RUN_PAGES_MAX * QUIRE_PAGE_BYTES];
    model_page_t last = model->pages[from.first + from.count - 1];
    size_t kept = from.count < to.count ? from.count : to.count;

    memcpy(pages, &model->pages[from.first], kept * sizeof(pages[0]));
    memcpy(bytes, model->bytes + from.first * QUIRE_PAGE_BYTES, kept * QUIRE_PAGE_BYTES);
    set_run(model, from, MODEL_NOTHING, QUIRE_PROT_NONE);
    set_run(model, to, last.kind, last.prot);
    for (size_t i = to.first; i < to.first + to.count; i++)
        model->pages[i].key = last.key;
    memcpy(&model->pages[to.first], pages, kept * sizeof(pages[0]));
    memcpy(model->bytes + to.first * QUIRE_PAGE_BYTES, bytes, kept * QUIRE_PAGE_BYTES);
}

static quire_status_t expected_move(const model_t *model, run_t old, size_t count, unsigned flags)
{
    run_t behind = {old.first + old.count, count > old.count ? count - old.count : 0};

    if (count_kind(model, old, MODEL_NOTHING) != 0)
        return QUIRE_NOT_FOUND;
    if (count <= old.count || is_free(model, behind))
        return QUIRE_OK;
    return (flags & QUIRE_MOVE_ALLOWED) != 0 && has_hole(model, count) ? QUIRE_OK : QUIRE_NO_SPACE;
}

static void step_move(model_t *model, bool scarce)
{
    run_t old = random_run();
    run_t new = random_run();
    unsigned flags = (unsigned)test_random_below(4);
    bool fixed = (flags & QUIRE_MOVE_FIXED) != 0;
    bool overlap = new.first < old.first + old.count &&old.first < new.first + new.count;
    quire_status_t expected = QUIRE_INVALID;
    quire_va_t va = 0;
    quire_status_t status;

    if (!fixed)
        expected = expected_move(model, old, new.count, flags);
    else if (!overlap)
        expected = count_kind(model, old, MODEL_NOTHING) == 0 ? QUIRE_OK : QUIRE_NOT_FOUND;
    status = quire_vmm_move(&model->space, address_of(old.first), bytes_of(old), bytes_of(new), flags,
                            address_of(new.first), &va);
    if (!happened(status, expected, scarce))
        return;
    if (fixed)
        CHECK_EQUAL(va, address_of(new.first));
    new.first = (size_t)((va - MODEL_START) / PAGE);
    if (!fixed && new.first != old.first)
        CHECK(is_free(model, new));
    carry_run(model, old, new);
}

void vmm_model_step(model_t *model, bool scarce)
{
    static void (*const steps[])(model_t *, bool) = {
        step_reserve_fixed, step_reserve, step_unmap, step_protect,     step_discard,    step_populate, step_fault,
        step_fault,         step_copy,    step_copy,  step_copy,        step_fault,      step_copy,     step_protect,
        step_poke_or_clear, step_move,    step_move,  step_protect_key, step_key_rights,
    };

    steps[test_random_below(sizeof(steps) / sizeof(steps[0]))](model, scarce);
}
