/* SPDX-License-Identifier: MIT */
/*
 * rights.c - whether a page allows an access, and the error code if it does not.
 *
 * Problem: seven controls (U/S, R/W, XD, CR0.WP, SMEP, SMAP with AC, protection keys) meet here.
 * Idea: the rules in the manual's order. They are applied at each access to the rights as cached, so that a change of
 * CR0.WP, EFLAGS.AC or PKRU counts at once, whereas a change of an entry does not.
 * Sources: SDM 4.6.1 (rights), 4.6.2 (keys), 4.7 (error code).
 */
#include "internal.h"

request_t machine_request_of(const cpu_t *cpu, model_kind_t kind, model_mode_t mode)
{
    request_t request = {.kind = kind, .implicit = mode == MODEL_IMPLICIT};

    request.user = mode == MODEL_USER || (mode == MODEL_AT_CPL && cpu->registers.cpl == 3);
    return request;
}

/* Bits W, U, I/D of the error code, and those given. I/D exists only where fetching can be forbidden. */
uint32_t machine_fault_code(const cpu_t *cpu, request_t request, uint32_t more)
{
    const model_registers_t *now = &cpu->registers;
    bool no_execute = (now->cr4 & MODEL_CR4_PAE) && (now->efer & MODEL_EFER_NXE);

    if (request.kind == MODEL_WRITE)
        more |= MODEL_PF_W;
    if (request.user)
        more |= MODEL_PF_U;
    if (request.kind == MODEL_EXECUTE && (no_execute || (now->cr4 & MODEL_CR4_SMEP)))
        more |= MODEL_PF_ID;
    return more;
}

static const char *refused_to_user(const cached_t *page, request_t request)
{
    if (!page->user)
        return "user access to a supervisor page";
    if (request.kind == MODEL_WRITE && !page->writable)
        return "user write to a read-only page";
    return NULL;
}

static const char *refused_to_supervisor(const cpu_t *cpu, const cached_t *page, request_t request)
{
    const model_registers_t *now = &cpu->registers;

    if (request.kind == MODEL_EXECUTE)
        return page->user && (now->cr4 & MODEL_CR4_SMEP) ? "supervisor fetch from a user page, SMEP is on" : NULL;
    if (page->user && (now->cr4 & MODEL_CR4_SMAP) && (request.implicit || !now->ac))
        return "supervisor access to a user page, SMAP is on";
    if (request.kind == MODEL_WRITE && !page->writable && (now->cr0 & MODEL_CR0_WP))
        return "supervisor write to a read-only page, CR0.WP is set";
    return NULL;
}

static bool refused_by_key(const cpu_t *cpu, const cached_t *page, request_t request)
{
    const model_registers_t *now = &cpu->registers;

    if (!machine_long_mode_active(cpu) || !(now->cr4 & MODEL_CR4_PKE) || !page->user || request.kind == MODEL_EXECUTE)
        return false;
    if (now->pkru >> (2 * page->key) & 1)
        return true;
    return request.kind == MODEL_WRITE && (now->pkru >> (2 * page->key + 1) & 1) &&
           (request.user || (now->cr0 & MODEL_CR0_WP));
}

uint32_t machine_refused(const cpu_t *cpu, const cached_t *page, request_t request, const char **why)
{
    const char *reason = request.user ? refused_to_user(page, request) : refused_to_supervisor(cpu, page, request);
    bool key = refused_by_key(cpu, page, request);

    if (!reason && request.kind == MODEL_EXECUTE && page->no_execute)
        reason = "fetch from a no-execute page";
    if (!reason && key)
        reason = "the page's protection key forbids it";
    if (!reason)
        return 0;
    *why = reason;
    return machine_fault_code(cpu, request, MODEL_PF_P | (key ? MODEL_PF_PK : 0));
}
