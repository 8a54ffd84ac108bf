/* SPDX-License-Identifier: MIT */
/*
 * model.h - an x86 memory system in software, for tests on a host.
 *
 * The model holds physical RAM and any number of CPUs. A CPU has the control registers, segment registers and caches
 * that take part in turning an address into a memory access; it executes no instructions. A test edits page tables in
 * RAM through ordinary pointers (model_physical), then asks what an access would do (model_access). The answer is what
 * the manuals say, and where they leave the processor a choice, the least convenient one: whatever may be cached is
 * cached, and is used until something the manual names has invalidated it.
 *
 * Sources: Intel SDM volume 3A, chapters 2 (control registers), 3 and 5 (segmentation, protection), 4 (paging; section
 * 4.10 is the caches), 11 (memory types); AMD APM volume 2, chapters 4 and 5. Sections are numbered as in the editions
 * up to 2022; later ones have one chapter more before the seventh.
 *
 * Units: addresses and frame numbers are 64-bit integers, a frame is a physical address divided by 4096, lengths are
 * bytes. Threads: calls for different CPUs may run at the same time; model_physical takes no lock at all, so that it
 * orders nothing and hides no race. The violation callback runs inside the call and must not call the model.
 *
 * Not modelled: virtual-8086 mode, hardware task switches, virtualisation, SGX, shadow stacks, supervisor protection
 * keys, A20, SMRAM, and the memory type with which the tables themselves are read.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- bits of the registers (SDM 2.2.1, 2.5) and of page-table entries (4.3 to 4.5) --- */

#define MODEL_CR0_PE UINT32_C(0x00000001)
#define MODEL_CR0_WP UINT32_C(0x00010000)
#define MODEL_CR0_NW UINT32_C(0x20000000)
#define MODEL_CR0_CD UINT32_C(0x40000000)
#define MODEL_CR0_PG UINT32_C(0x80000000)

#define MODEL_CR4_PSE   UINT32_C(0x00000010)
#define MODEL_CR4_PAE   UINT32_C(0x00000020)
#define MODEL_CR4_PGE   UINT32_C(0x00000080)
#define MODEL_CR4_UMIP  UINT32_C(0x00000800)
#define MODEL_CR4_LA57  UINT32_C(0x00001000)
#define MODEL_CR4_PCIDE UINT32_C(0x00020000)
#define MODEL_CR4_SMEP  UINT32_C(0x00100000)
#define MODEL_CR4_SMAP  UINT32_C(0x00200000)
#define MODEL_CR4_PKE   UINT32_C(0x00400000)

#define MODEL_CR3_NO_FLUSH (UINT64_C(1) << 63)

#define MODEL_EFER_SCE UINT32_C(0x00000001)
#define MODEL_EFER_LME UINT32_C(0x00000100)
#define MODEL_EFER_LMA UINT32_C(0x00000400)
#define MODEL_EFER_NXE UINT32_C(0x00000800)

#define MODEL_ENTRY_P         UINT64_C(0x001)
#define MODEL_ENTRY_W         UINT64_C(0x002)
#define MODEL_ENTRY_U         UINT64_C(0x004)
#define MODEL_ENTRY_PWT       UINT64_C(0x008)
#define MODEL_ENTRY_PCD       UINT64_C(0x010)
#define MODEL_ENTRY_A         UINT64_C(0x020)
#define MODEL_ENTRY_D         UINT64_C(0x040)
#define MODEL_ENTRY_PS        UINT64_C(0x080) /* in a directory entry */
#define MODEL_ENTRY_PAT       UINT64_C(0x080) /* in a 4 KiB page's entry */
#define MODEL_ENTRY_G         UINT64_C(0x100)
#define MODEL_ENTRY_PAT_LARGE UINT64_C(0x1000)
#define MODEL_ENTRY_NX        (UINT64_C(1) << 63)
#define MODEL_ENTRY_KEY_SHIFT 59

/* Bits of a page fault's error code (SDM 4.7). */
#define MODEL_PF_P    UINT32_C(0x01)
#define MODEL_PF_W    UINT32_C(0x02)
#define MODEL_PF_U    UINT32_C(0x04)
#define MODEL_PF_RSVD UINT32_C(0x08)
#define MODEL_PF_ID   UINT32_C(0x10)
#define MODEL_PF_PK   UINT32_C(0x20)

enum { MODEL_UD = 6, MODEL_NP = 11, MODEL_SS = 12, MODEL_GP = 13, MODEL_PF = 14 };

/* --- the machine --- */

typedef struct model model_t;

typedef struct model_range {
    uint64_t base; /* multiple of 4096 */
    uint64_t bytes;
} model_range_t;

/* What CPUID would say. */
enum {
    MODEL_HAS_PSE = 1u << 0,
    MODEL_HAS_PSE36 = 1u << 1,
    MODEL_HAS_PAE = 1u << 2,
    MODEL_HAS_PGE = 1u << 3,
    MODEL_HAS_PAT = 1u << 4,
    MODEL_HAS_NX = 1u << 5,
    MODEL_HAS_LONG_MODE = 1u << 6,
    MODEL_HAS_1GIB_PAGES = 1u << 7,
    MODEL_HAS_PCID = 1u << 8,
    MODEL_HAS_INVPCID = 1u << 9,
    MODEL_HAS_SMEP = 1u << 10,
    MODEL_HAS_SMAP = 1u << 11,
    MODEL_HAS_LA57 = 1u << 12,
    MODEL_HAS_UMIP = 1u << 13,
    MODEL_HAS_PKU = 1u << 14,
    MODEL_HAS_EVERYTHING = (1u << 15) - 1,
};

/* How the caches behave. All are permitted; a correct program works under each. */
typedef enum model_caching {
    MODEL_KEEP,   /* every entry stays until it is invalidated, and is used */
    MODEL_FORGET, /* nothing is ever cached: each access walks */
    MODEL_RANDOM, /* an entry vanishes before an access with a probability of 1/4, from a fixed seed */
} model_caching_t;

typedef enum model_violation_kind {
    MODEL_STALE_TRANSLATION, /* a frame was freed while a TLB may hold a translation to it */
    MODEL_STALE_TABLE,       /* a frame was freed while a paging-structure cache may use it as a table */
    MODEL_LIVE_ROOT,         /* a frame was freed while CR3, or a PDPTE register, holds it */
    MODEL_LIVE_MAPPING,      /* a frame was freed while a current table still maps it (check_live) */
    MODEL_STALE_USE,         /* an access used a cached translation that memory no longer gives (check_use) */
    MODEL_STALE_TAG,         /* CR3 was loaded without a flush, and what its PCID holds leads to a freed frame */
    MODEL_HOLE,              /* an access or a walk reached a physical address without RAM */
    MODEL_WIDE_ADDRESS,      /* an address above 4 GiB was used outside 64-bit mode: a mistake of the test */
} model_violation_kind_t;

typedef struct model_violation {
    model_violation_kind_t kind;
    unsigned cpu;
    unsigned level;       /* of the entry: 1 maps 4 KiB, 2 a directory, ...; 0 where there is none */
    uint64_t va;          /* lowest address the cached entry covers, or the one used */
    uint64_t frame;       /* the physical frame concerned */
    uint64_t access;      /* the access that installed the entry */
    const char *sentence; /* all of it in words, valid during the callback */
} model_violation_t;

typedef void (*model_violation_handler_t)(void *context, const model_violation_t *violation);

typedef struct model_config {
    const model_range_t *ram; /* ascending, not overlapping; read at creation only */
    size_t ram_ranges;
    unsigned cpus;                          /* at least 1 */
    unsigned features;                      /* MODEL_HAS_... */
    unsigned physical_bits;                 /* MAXPHYADDR, 32 to 52; 0 means 46 */
    model_caching_t caching;                /* how translations are kept */
    bool large_page_fragments;              /* a large page is cached in pieces of 4 KiB (SDM 4.10.2.3) */
    bool walks_again_before_faults;         /* no spurious faults: as AMD, APM 5.5 */
    bool check_live;                        /* model_frame_freed also searches the current tables: slow */
    bool freed_by_load;                     /* what other PCIDs hold of a freed frame is reported when one is loaded */
    bool check_use;                         /* each use of a cached translation is compared with memory */
    model_violation_handler_t on_violation; /* NULL: print and abort */
    void *context;
} model_config_t;

/* NULL when the host has no memory or the configuration cannot be. */
model_t *model_create(const model_config_t *config);
void model_destroy(model_t *machine);

/* --- physical memory --- */

/* The 4096 bytes of a frame, zeroed at first; NULL where there is no RAM. Valid until model_destroy. */
void *model_physical(model_t *machine, uint64_t frame);
bool model_is_ram(const model_t *machine, uint64_t pa, uint64_t bytes);
/* Around the CPUs, as a device would. A hole reads as ones, swallows writes, and is a violation. */
void model_physical_read(model_t *machine, uint64_t pa, void *to, size_t bytes);
void model_physical_write(model_t *machine, uint64_t pa, const void *from, size_t bytes);
/* How many frames have been touched, hence cost memory. */
uint64_t model_frames_touched(const model_t *machine);

/* To be called when a frame returns to an allocator. Reports each way in which some CPU could still reach it, and
 * returns how many there are. */
unsigned model_frame_freed(model_t *machine, uint64_t frame);

/* --- what an access answers --- */

typedef enum model_memory_type {
    MODEL_UC = 0,
    MODEL_WC = 1,
    MODEL_WT = 4,
    MODEL_WP = 5,
    MODEL_WB = 6,
    MODEL_UC_MINUS = 7, /* in the PAT only: never the type of an access */
} model_memory_type_t;

/* `raised` false: no fault, and the rest is 0. */
typedef struct model_fault {
    bool raised;
    uint8_t vector;
    uint32_t error_code;
    uint64_t address; /* CR2, for a page fault */
    const char *why;  /* in words */
} model_fault_t;

typedef enum model_kind {
    MODEL_READ,
    MODEL_WRITE,
    MODEL_EXECUTE,
} model_kind_t;

/* SDM 4.6: who is asking. */
typedef enum model_mode {
    MODEL_AT_CPL,     /* user at CPL 3, otherwise supervisor */
    MODEL_USER,       /* whatever the CPL */
    MODEL_SUPERVISOR, /* explicit: EFLAGS.AC counts */
    MODEL_IMPLICIT,   /* the processor's own: descriptor tables, TSS. EFLAGS.AC does not count */
} model_mode_t;

typedef struct model_piece {
    uint64_t pa;
    uint32_t bytes;
    uint32_t page_bytes; /* of the page as cached */
    model_memory_type_t type;
    bool cached; /* from the TLB, without a walk */
} model_piece_t;

typedef struct model_result {
    model_fault_t fault;
    uint64_t linear;
    unsigned pieces; /* 2 if a page boundary is crossed; 0 on a fault */
    model_piece_t piece[2];
} model_result_t;

/* One access of 1 to 4096 bytes at a linear address. */
model_result_t model_access(model_t *machine, unsigned cpu, uint64_t va, uint32_t bytes, model_kind_t kind,
                            model_mode_t mode);

typedef enum model_segment {
    MODEL_ES,
    MODEL_CS,
    MODEL_SS_REGISTER,
    MODEL_DS,
    MODEL_FS,
    MODEL_GS,
    MODEL_SEGMENTS,
} model_segment_t;

/* The same through a segment register. */
model_result_t model_access_segment(model_t *machine, unsigned cpu, model_segment_t segment, uint64_t offset,
                                    uint32_t bytes, model_kind_t kind, model_mode_t mode);

/* Data of any length. On a fault, the pages before it have been copied and *done (may be NULL) says how many bytes. */
model_fault_t model_read(model_t *machine, unsigned cpu, uint64_t va, void *to, size_t bytes, model_mode_t mode,
                         size_t *done);
model_fault_t model_write(model_t *machine, unsigned cpu, uint64_t va, const void *from, size_t bytes,
                          model_mode_t mode, size_t *done);

/* A translation the processor makes for itself, ahead of time (SDM 4.10.2.3): accessed bits are set and the caches
 * filled, no fault is raised. False if there is no translation. */
bool model_prefetch(model_t *machine, unsigned cpu, uint64_t va);
/* The same for every page that the current tables map (the first 4 KiB of large ones): after it, no flush that is
 * needed can be forgotten unseen. Returns how many pages there are. */
uint64_t model_prefetch_everything(model_t *machine, unsigned cpu);

/* What memory says, past all caches and without a trace: no accessed bit, nothing cached. */
typedef struct model_translation {
    uint64_t pa;       /* of the address asked for */
    uint64_t entry_pa; /* of the entry that maps it */
    unsigned level;
    unsigned page_shift;
    bool writable, user, no_execute, global, dirty;
    uint8_t key;
    model_memory_type_t type;
} model_translation_t;
bool model_translate(model_t *machine, unsigned cpu, uint64_t va, model_translation_t *translation);

/* --- registers and instructions, one CPU each; all but the setters obey CPL --- */

typedef enum model_paging {
    MODEL_PAGING_OFF,
    MODEL_PAGING_32,
    MODEL_PAGING_PAE,
    MODEL_PAGING_4_LEVEL,
    MODEL_PAGING_5_LEVEL,
} model_paging_t;

/* A CPU begins as multiboot leaves it: protected mode, flat segments, CPL 0, no paging. This one call does what a boot
 * sequence does: CR4 gets PSE, PGE (and PAE, LA57), EFER NXE (and LME), as far as CPUID offers them; CR0 gets PG and
 * WP. In the long modes CS becomes a 64-bit segment. */
model_fault_t model_start(model_t *machine, unsigned cpu, model_paging_t paging, uint64_t cr3);
model_paging_t model_paging(model_t *machine, unsigned cpu);

model_fault_t model_mov_cr0(model_t *machine, unsigned cpu, uint64_t value);
model_fault_t model_mov_cr3(model_t *machine, unsigned cpu, uint64_t value);
model_fault_t model_mov_cr4(model_t *machine, unsigned cpu, uint64_t value);
model_fault_t model_wrmsr_efer(model_t *machine, unsigned cpu, uint64_t value);
model_fault_t model_wrmsr_pat(model_t *machine, unsigned cpu, uint64_t value);
model_fault_t model_invlpg(model_t *machine, unsigned cpu, uint64_t va);
/* The descriptor's two quadwords: the PCID (and reserved bits), and the linear address. */
model_fault_t model_invpcid(model_t *machine, unsigned cpu, uint64_t type, uint64_t pcid, uint64_t va);

typedef struct model_registers {
    uint64_t cr0, cr2, cr3, cr4, efer, pat;
    uint64_t pdpte[4]; /* the PAE registers (SDM 4.4.1) */
    uint32_t pkru;
    unsigned cpl;
    bool ac;
} model_registers_t;
model_registers_t model_registers(model_t *machine, unsigned cpu);

void model_set_cpl(model_t *machine, unsigned cpu, unsigned cpl);
void model_set_ac(model_t *machine, unsigned cpu, bool ac);
void model_set_pkru(model_t *machine, unsigned cpu, uint32_t pkru);

/* --- segmentation --- */

/* What a segment register holds, the hidden part included (SDM 3.4.3). */
typedef struct model_descriptor {
    uint16_t selector;
    bool usable; /* false: a null selector */
    uint64_t base;
    uint32_t limit;    /* in bytes, granularity applied */
    uint8_t type;      /* four bits: SDM table 3-1 */
    bool code_or_data; /* the S bit */
    uint8_t dpl;
    bool present;
    bool big;       /* D/B */
    bool long_mode; /* L */
} model_descriptor_t;

model_fault_t model_lgdt(model_t *machine, unsigned cpu, uint64_t base, uint16_t limit);
model_fault_t model_lldt(model_t *machine, unsigned cpu, uint16_t selector);
/* MOV to a data segment register, with all its checks; for CS the rules of a far jump. The descriptor is read, and its
 * accessed bit set, through the paging of the moment. */
model_fault_t model_load_segment(model_t *machine, unsigned cpu, model_segment_t segment, uint16_t selector);
model_descriptor_t model_get_segment(model_t *machine, unsigned cpu, model_segment_t segment);
/* Past all checks. */
void model_set_segment(model_t *machine, unsigned cpu, model_segment_t segment, model_descriptor_t descriptor);

/* --- statistics, of one CPU since creation --- */

typedef struct model_statistics {
    uint64_t accesses;
    uint64_t walks;
    uint64_t entries_read;
    uint64_t tlb_hits;
    uint64_t structure_hits; /* walks that began below the root */
    uint64_t page_faults;
    uint64_t spurious_faults; /* page faults that memory does not justify */
    uint64_t pages_flushed;   /* by address: INVLPG and INVPCID type 0 */
    uint64_t spaces_flushed;  /* by a CR3 load or INVPCID type 1 */
    uint64_t all_flushed;
    uint64_t cached; /* translations held now */
    uint64_t cached_tables;
} model_statistics_t;
model_statistics_t model_statistics(model_t *machine, unsigned cpu);

#endif
