/* SPDX-License-Identifier: MIT */
/*
 * random.c - several spaces, random operations, and a model that says what each must be afterwards.
 *
 * Now and then nearly all frames are taken away before an operation, so that it fails at a random step of its work.
 */
#include "model.h"

#define SPACES 3
#define STEPS  150

/* One space ends, and another is forked in its place. Without memory for that, an empty one comes instead. */
static void fork_step(model_t *models, bool scarce)
{
    model_t *parent = &models[test_random_below(SPACES)];
    model_t *child = &models[test_random_below(SPACES)];
    uint32_t id = child->space.table.space;

    if (parent == child)
        return;
    quire_vmm_destroy(&child->space);
    child->alive = false;
    if (scarce)
        test_pmm_leave(parent->fixture->pmm, (size_t)test_random_below(6));
    (void)vmm_model_fork(parent, child, id, scarce);
    if (scarce)
        test_pmm_restore(parent->fixture->pmm);
    if (!child->alive)
        vmm_model_create(child, parent->fixture, id, child->bytes);
    if (test_random() % 2 == 0)
        vmm_model_fill(parent);
    for (unsigned i = 0; i < SPACES; i++)
        vmm_model_verify(&models[i]);
}

static void random_step(model_t *models, bool scarce)
{
    model_t *model = &models[test_random_below(SPACES)];

    if (scarce)
        test_pmm_leave(model->fixture->pmm, (size_t)test_random_below(6));
    vmm_model_step(model, scarce);
    if (scarce)
        test_pmm_restore(model->fixture->pmm);
    vmm_model_verify(model);
}

static void run_steps(model_t *models)
{
    for (unsigned step = 0; step < STEPS * test_effort(); step++) {
        bool scarce = test_random_below(8) == 0;

        if (test_random_below(12) == 0)
            fork_step(models, scarce);
        else
            random_step(models, scarce);
        if (step % 32 == 0)
            CHECK_OK(quire_pmm_check(models[0].fixture->pmm));
    }
}

static void random_operations(fixture_t *fixture)
{
    static model_t models[SPACES];
    size_t free_frames = vmm_free_frames(fixture);
    uint8_t *bytes = test_memory(SPACES * MODEL_BYTES);

    for (uint32_t i = 0; i < SPACES; i++)
        vmm_model_create(&models[i], fixture, i + 1, bytes + i * MODEL_BYTES);
    vmm_model_fill(&models[0]);
    run_steps(models);
    /* A write to one of two forks must not show in the other: all are looked at again in the end. */
    for (unsigned i = 0; i < SPACES; i++) {
        vmm_model_verify(&models[i]);
        quire_vmm_destroy(&models[i].space);
    }
    CHECK_OK(quire_pmm_check(fixture->pmm));
    CHECK_EQUAL(vmm_free_frames(fixture), free_frames);
}

TEST(vmm, random_operations_against_a_model)
{
    vmm_each_format(random_operations);
}
