/* SPDX-License-Identifier: MIT */
/*
 * scenario.h - a small language for "under these conditions, this access": what a processor does is then written down
 * by one program on three machines, QEMU, bochs and the model, and compared.
 *
 * scenarios.def holds the scenarios, interpreter.c runs them and prints, a backend does what each machine does in its
 * own way: kernel.c by real instructions, model_backend.c by the model. All three see the same tables at the same
 * physical addresses.
 *
 * A line of output:   mode/scenario/step operation result value A/D-bits
 */
#ifndef MODEL_PROBE_SCENARIO_H
#define MODEL_PROBE_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

/* Modes, as bits, so that a scenario can name several. */
enum {
    MODE_32 = 1,
    MODE_PAE = 2,
    MODE_4_LEVEL = 4,
    MODE_5_LEVEL = 8,
    MODE_LEGACY = MODE_32 | MODE_PAE,
    MODE_LONG = MODE_4_LEVEL | MODE_5_LEVEL,
    MODE_64_ENTRIES = MODE_PAE | MODE_LONG,
    MODE_ALL = MODE_LEGACY | MODE_LONG,
};

/* Physical memory. All of it below 32 MiB, which every mode maps one to one for the supervisor, in large pages. The
 * tables lie so that their pages and TEST_VA's do not meet in an emulator's direct-mapped TLB. */
#define TEST_PML4 UINT32_C(0x81F000) /* zeroed before each scenario, up to TEST_GDT */
#define TEST_PDPT UINT32_C(0x820000)
#define TEST_PD   UINT32_C(0x821000)
#define TEST_PT   UINT32_C(0x822000)
#define TEST_LDT  UINT32_C(0x823000)
#define TEST_GDT  UINT32_C(0x824000)
#define ROOT      UINT32_C(0x825000) /* PML5, PML4, PDPT or directory */
#define LOW_PDPT  UINT32_C(0x826000)
#define LOW_PD    UINT32_C(0x827000)
#define LOW_PML4  UINT32_C(0x828000)
#define DATA0     UINT32_C(0x900000) /* filled before each scenario: see fill_frame() */
#define DATA1     UINT32_C(0x901000)
#define DATA2     UINT32_C(0x902000)
#define USER_AREA UINT32_C(0xC00000)  /* the one large page that is the user's too */
#define BIG0      UINT32_C(0x1000000) /* 4 MiB each, filled at the offsets 0, 1000 and 200000 */
#define BIG1      UINT32_C(0x1400000)

enum { GDT_LIMIT = 0x7F, KERNEL_CODE = 0x08, KERNEL_DATA = 0x10, USER_CODE = 0x1B, USER_DATA = 0x23, TSS = 0x28 };

/* Entries with which TEST_VA is mapped: the page, the page after it, the levels above, the large page after it. */
typedef enum entry { E1, E1N, E2, E2N, E3, E4, E5, ENTRIES } entry_t;

typedef enum operation {
    DONE,
    PUT,     /* entry, value */
    POKE,    /* value: 64 bits to a physical address, `offset` */
    PEEK,    /* prints the byte at physical address `offset` */
    CR0,     /* value: bits to set; offset: bits to clear */
    CR4,     /* likewise */
    EFER,    /* likewise */
    CR3,     /* loads ROOT | value */
    INVLPG,  /* TEST_VA + offset */
    INVPCID, /* type is `entry`, value is the PCID, TEST_VA + offset */
    PKRU,    /* value */
    AC,      /* value: EFLAGS.AC at the accesses that follow */
    READ,    /* TEST_VA + offset, by the flat data segment */
    WRITE,
    EXECUTE, /* the bytes CD 80 there */
    FS_READ, /* loads FS with `value`, then FS:offset */
    FS_WRITE,
    SS_READ,  /* loads SS likewise; in long mode an access relative to RBP */
    LOAD_LDT, /* LLDT value */
    TRY_CR0,  /* as CR0, CR3, CR4, EFER and INVLPG, but made to fault */
    TRY_CR3,
    TRY_CR4,
    TRY_EFER,
    TRY_PAT, /* value: the low half */
    TRY_INVLPG,
} operation_t;

typedef struct step {
    uint8_t operation;
    uint8_t entry; /* entry_t; for an access 1 if the user makes it */
    uint8_t bytes; /* 1 or 4 */
    uint64_t offset;
    uint64_t value;
} step_t;

enum {
    NEEDS_NOTHING = 0,
    NEEDS_SMEP = 1,
    NEEDS_SMAP = 2,
    NEEDS_PKU = 4,
    NEEDS_PCID = 8,
    NEEDS_INVPCID = 16,
    NEEDS_1GIB = 32,
    NEEDS_CHECKS = 64, /* control registers refuse what they must not hold: not so in QEMU's TCG */
};

typedef struct scenario {
    const char *name;
    uint8_t modes;
    uint8_t needs;
    const step_t *steps;
} scenario_t;

typedef struct outcome {
    uint8_t vector; /* 0x80: no fault */
    uint32_t error_code;
    uint64_t cr2;
    uint32_t value; /* what was read */
} outcome_t;

/* --- scenarios.c --- */

extern const scenario_t scenarios[];
extern const unsigned scenario_count;

/* --- tables.c --- */

uint64_t test_va(unsigned mode);
unsigned entry_bytes(unsigned mode);
/* Where an entry of TEST_VA stands; 0 if the mode has no such level. */
uint32_t entry_address(entry_t entry, unsigned mode);
void put_entry(entry_t entry, unsigned mode, uint64_t value);
/* Memory, tables and registers as a scenario finds them. */
void begin_scenario(unsigned mode);

/* --- interpreter.c --- */

void run_scenarios(unsigned mode);
/* Runs a step, and prints its line if it has an outcome. */
void run_step(const char *scenario, unsigned number, const step_t *step, unsigned mode, bool *ac);
void print_absent(const char *scenario, unsigned mode);

/* --- random.c --- */

/* Random entries, control bits and accesses, the same on every machine, nothing cached between them. */
void run_random(unsigned mode);

/* --- a backend --- */

void backend_print(char c);
bool backend_has(unsigned needs);
/* Loads ROOT, and brings every register to the state in which a scenario begins; all caches empty. The tables are in
 * place. */
void backend_reset(unsigned mode);
void backend_poke(uint32_t pa, uint64_t value, unsigned bytes);
uint64_t backend_peek(uint32_t pa, unsigned bytes);
void backend_control(const step_t *step, unsigned mode);
outcome_t backend_access(const step_t *step, unsigned mode, bool ac);

#endif
