/* SPDX-License-Identifier: MIT */
/*
 * registers.c - every register that decides about protection gets its value here, whatever it held before.
 *
 * Problem: what a CPU holds when the kernel starts comes from its reset, from firmware, or from the kernel that ran
 * before. After a reset LDTR is valid, with base 0 and a limit of 64 KiB (SDM volume 3, table 9-1): descriptors in low
 * memory, which a process may map and fill. A SYSENTER_CS or a STAR of somebody else's is a way into ring 0 that no
 * file of this kernel mentions. Idea: one table says register, value and why, and nothing is ORed into what was there.
 * boot.S writes CR0, CR4, EFER and the flags whole, because paging comes first; they stand here as well. The tests read
 * each back, in the kernel with the table's own words.
 *
 * XCR0 is out of reach while CR4.OSXSAVE is off, CET's registers are while CR4.CET is, and what PKRU starts with is
 * each process's (arch_user_state_init). MTRRs stay the firmware's: it alone knows where devices lie, and they decide
 * about caching, not about rights.
 *
 * Not each CPU has each MSR, and CPUID does not tell of all. Those are tried: the fault is mended by going on behind
 * the instruction.
 *
 * Sources: Intel SDM volume 3, 2.2 to 2.5, 9.1.1, 18.2; volume 4, table 2-2; AMD APM volume 2, 3.1.7, 6.1.
 */
#include "registers.h"

#include "../arch.h"
#include "cpu.h"

#define CR0_WANTED   (CR0_PROTECTION | CR0_MONITOR | CR0_EXTENSION | CR0_NUMERIC | CR0_WP | CR0_PAGING)
#define FLAGS_WANTED 2u
#define FLAGS_JUDGED 0x1f7700u /* all but the results of arithmetic, and ID */
#define DR6_WANTED   0xffff0ff0u
#define DR7_WANTED   0x400u
#define PAT_WANTED   0x0007040600070406u
#define PAT_JUDGED   0x0707070707070707u
#define EFER_JUDGED  (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME | EFER_LMSLE)
#define ALL          UINT64_MAX

#ifdef __x86_64__
void syscall_entry(void);
#define CR4_BASE      CR4_PAE
#define EFER_WANTED   (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define STAR_WANTED   ((uint64_t)(ARCH_SELECTOR_USER_BASE | 3) << 48 | (uint64_t)ARCH_SELECTOR_KERNEL_CODE << 32)
#define LSTAR_WANTED  (uintptr_t) syscall_entry
#define SFMASK_WANTED (FLAG_TF | FLAG_IF | FLAG_DF | FLAG_NT | FLAG_AC)
#else
#define CR4_BASE      (quire_format_levels(&ARCH_FORMAT) > 2 ? CR4_PAE : CR4_PSE)
#define EFER_WANTED   (ARCH_PAE ? EFER_NXE : 0)
#define STAR_WANTED   0
#define LSTAR_WANTED  0
#define SFMASK_WANTED 0
#endif

typedef enum reach {
    REACH_FLAGS,
    REACH_LDTR,
    REACH_TR,
    REACH_GDT_LIMIT,
    REACH_IDT_LIMIT,
    REACH_CR0,
    REACH_CR4,
    REACH_DEBUG,
    REACH_MSR,
} reach_t;

typedef struct entry {
    const char *name;
    reach_t reach;
    uint32_t number; /* of the MSR, or of the debug register */
    uint64_t wanted;
    uint64_t judged; /* the other bits are the CPU's to change */
    bool (*exists)(void);
    const char *why;
} entry_t;

static uint32_t basic_features(void)
{
    return cpu_identify(1, 0).d;
}

static uint32_t extended_features(void)
{
    return cpu_identify(0x80000000, 0).a >= 0x80000001 ? cpu_identify(0x80000001, 0).d : 0;
}

static bool always(void)
{
    return true;
}

/* The first Pentium Pros say that they have it. */
static bool has_sysenter(void)
{
    return (basic_features() & (1u << 11)) && (cpu_identify(1, 0).a & 0xfff) >= 0x633;
}

static bool has_pat(void)
{
    return basic_features() & (1u << 16);
}

static bool has_efer(void)
{
    return extended_features() & (1u << 11 | 1u << 20 | 1u << 29);
}

static bool has_syscall(void)
{
    return extended_features() & (1u << 11 | 1u << 29);
}

static bool has_long_mode(void)
{
    return extended_features() & (1u << 29);
}

/* The bases of FS and GS are the selectors' affair where there is no long mode. */
static bool runs_long_mode(void)
{
    return sizeof(uintptr_t) == 8;
}

static bool has_debug_control(void)
{
    uint64_t value;

    return (basic_features() & (1u << 5)) && cpu_try_read_msr(MSR_DEBUGCTL, &value);
}

static const entry_t entries[] = {
    {"flags", REACH_FLAGS, 0, FLAGS_WANTED, FLAGS_JUDGED, always,
     "NT would make the first IRET a task switch; IOPL, VM and AC are nobody's"},
    {"LDTR", REACH_LDTR, 0, 0, ALL, always, "after a reset it names low memory, which a process could fill"},
    {"TR", REACH_TR, 0, ARCH_SELECTOR_TASK, ALL, always, "the stack of ring 0, and the bitmap of ports"},
    {"limit of the GDT", REACH_GDT_LIMIT, 0, 0, ALL, always, "what lies behind the table must not be a descriptor"},
    {"limit of the IDT", REACH_IDT_LIMIT, 0, 0, ALL, always, "likewise a gate"},
    {"CR0", REACH_CR0, 0, CR0_WANTED, ALL, always,
     "WP: the kernel keeps to read-only; NE: no x87 error by an interrupt; EM, TS, AM, NW, CD off"},
    {"CR4", REACH_CR4, 0, 0, ALL, always,
     "off: VME and PVI (interrupt flags of ring 3), PCE, LA57 (other tables), VMXE, SMXE, FSGSBASE (bases without us), "
     "OSXSAVE (registers that are not switched), CET"},
    {"DR0", REACH_DEBUG, 0, 0, ALL, always, "no breakpoints of another kernel"},
    {"DR1", REACH_DEBUG, 1, 0, ALL, always, "likewise"},
    {"DR2", REACH_DEBUG, 2, 0, ALL, always, "likewise"},
    {"DR3", REACH_DEBUG, 3, 0, ALL, always, "likewise"},
    {"DR6", REACH_DEBUG, 6, 0, 0xf, always, "no breakpoint has been met"},
    {"DR7", REACH_DEBUG, 7, DR7_WANTED, ALL, always, "none is on, GD among them"},
    {"SYSENTER_CS", REACH_MSR, MSR_SYSENTER_CS, 0, 0xffff, has_sysenter, "0: SYSENTER is a general protection fault"},
    {"SYSENTER_ESP", REACH_MSR, MSR_SYSENTER_ESP, 0, ALL, has_sysenter, "no stack to enter on"},
    {"SYSENTER_EIP", REACH_MSR, MSR_SYSENTER_EIP, 0, ALL, has_sysenter, "no place to enter at"},
    {"STAR", REACH_MSR, MSR_STAR, STAR_WANTED, ALL, has_syscall, "selectors of SYSCALL; 32 bits: no place to enter at"},
    {"LSTAR", REACH_MSR, MSR_LSTAR, LSTAR_WANTED, ALL, has_long_mode, "where SYSCALL enters"},
    {"CSTAR", REACH_MSR, MSR_CSTAR, 0, ALL, has_long_mode, "nobody gets into compatibility mode to use it"},
    {"SFMASK", REACH_MSR, MSR_SFMASK, SFMASK_WANTED, UINT32_MAX, has_long_mode,
     "SYSCALL enters with TF, IF, NT, AC off"},
    {"EFER", REACH_MSR, MSR_EFER, EFER_WANTED, EFER_JUDGED, has_efer,
     "NXE where the format has it; SYSCALL where it leads somewhere; no virtual machines"},
    {"FS base", REACH_MSR, MSR_FS_BASE, 0, ALL, runs_long_mode, "each process's own from its first instruction on"},
    {"GS base", REACH_MSR, MSR_GS_BASE, 0, ALL, runs_long_mode,
     "some CPUs keep it when a null selector is loaded: what is here first, every process has"},
    {"kernel GS base", REACH_MSR, MSR_KERNEL_GS_BASE, 0, ALL, runs_long_mode, "SWAPGS is not used"},
    {"PAT", REACH_MSR, MSR_PAT, PAT_WANTED, PAT_JUDGED, has_pat,
     "page-table entries mean what the manuals' tables of memory types say"},
    {"DEBUGCTL", REACH_MSR, MSR_DEBUGCTL, 0, 0xffff, has_debug_control,
     "no records of branches; TF steps by instructions"},
};

#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

/* One place each, so that a fault is told by its address. */
extern const char cpu_try_read_at[], cpu_try_read_end[], cpu_try_write_at[], cpu_try_write_end[];

__attribute__((noinline, noclone)) bool cpu_try_read_msr(uint32_t msr, uint64_t *value)
{
    uint32_t low = 0;
    uint32_t high = 0;
    uint32_t done;

    __asm__ volatile("movl $0, %0\n"
                     ".globl cpu_try_read_at, cpu_try_read_end\n"
                     "cpu_try_read_at: rdmsr\n"
                     "movl $1, %0\n"
                     "cpu_try_read_end:\n"
                     : "=&r"(done), "+a"(low), "+d"(high)
                     : "c"(msr));
    if (done != 0)
        *value = (uint64_t)high << 32 | low;
    return done != 0;
}

__attribute__((noinline, noclone)) bool cpu_try_write_msr(uint32_t msr, uint64_t value)
{
    uint32_t done;

    __asm__ volatile("movl $0, %0\n"
                     ".globl cpu_try_write_at, cpu_try_write_end\n"
                     "cpu_try_write_at: wrmsr\n"
                     "movl $1, %0\n"
                     "cpu_try_write_end:\n"
                     : "=&r"(done)
                     : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(msr)
                     : "memory");
    return done != 0;
}

uintptr_t cpu_fix_try(uintptr_t instruction)
{
    if (instruction == (uintptr_t)cpu_try_read_at)
        return (uintptr_t)cpu_try_read_end;
    return instruction == (uintptr_t)cpu_try_write_at ? (uintptr_t)cpu_try_write_end : 0;
}

static uint16_t table_limit(bool interrupts)
{
    cpu_table_pointer_t pointer;

    if (interrupts)
        __asm__ volatile("sidt %0" : "=m"(pointer));
    else
        __asm__ volatile("sgdt %0" : "=m"(pointer));
    return pointer.limit;
}

static uintptr_t read_debug(uint32_t number)
{
    uintptr_t value = 0;

    switch (number) {
    case 0:
        __asm__ volatile("mov %%dr0, %0" : "=r"(value));
        break;
    case 1:
        __asm__ volatile("mov %%dr1, %0" : "=r"(value));
        break;
    case 2:
        __asm__ volatile("mov %%dr2, %0" : "=r"(value));
        break;
    case 3:
        __asm__ volatile("mov %%dr3, %0" : "=r"(value));
        break;
    case 6:
        __asm__ volatile("mov %%dr6, %0" : "=r"(value));
        break;
    default:
        __asm__ volatile("mov %%dr7, %0" : "=r"(value));
        break;
    }
    return value;
}

/* DR7 first: nothing may be on while addresses change. */
static void load_debug(void)
{
    __asm__ volatile("mov %0, %%dr7" : : "r"((uintptr_t)DR7_WANTED));
    __asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3" : : "r"((uintptr_t)0));
    __asm__ volatile("mov %0, %%dr6" : : "r"((uintptr_t)DR6_WANTED));
}

static uint64_t read_register(const entry_t *entry)
{
    uintptr_t value = 0;
    uint64_t wide = 0;

    switch (entry->reach) {
    case REACH_FLAGS:
        __asm__ volatile("pushf; pop %0" : "=r"(value));
        return value;
    case REACH_LDTR:
        __asm__ volatile("sldt %0" : "=r"(value));
        return value & 0xffff;
    case REACH_TR:
        __asm__ volatile("str %0" : "=r"(value));
        return value & 0xffff;
    case REACH_GDT_LIMIT:
        return table_limit(false);
    case REACH_IDT_LIMIT:
        return table_limit(true);
    case REACH_CR0:
        return cpu_read_cr0();
    case REACH_CR4:
        return cpu_read_cr4();
    case REACH_DEBUG:
        return read_debug(entry->number);
    case REACH_MSR:
        (void)cpu_try_read_msr(entry->number, &wide);
        return wide;
    }
    return 0;
}

static uint64_t wanted_value(const entry_t *entry)
{
    switch (entry->reach) {
    case REACH_GDT_LIMIT:
        return cpu_gdt_bytes - 1;
    case REACH_IDT_LIMIT:
        return cpu_idt_bytes - 1;
    case REACH_CR4:
        return cpu_cr4_wanted();
    default:
        return entry->wanted;
    }
}

uintptr_t cpu_cr4_wanted(void)
{
    uintptr_t cr4 = CR4_BASE;

    cr4 |= cpu_features.pge ? CR4_PGE : 0;
    cr4 |= cpu_features.smep ? CR4_SMEP : 0;
    cr4 |= cpu_features.smap ? CR4_SMAP : 0;
    cr4 |= cpu_features.umip ? CR4_UMIP : 0;
    cr4 |= cpu_features.keys ? CR4_PKE : 0;
    cr4 |= cpu_features.pcid ? CR4_PCIDE : 0;
    cr4 |= cpu_features.fxsr ? CR4_OSFXSR : 0;
    cr4 |= cpu_features.sse ? CR4_OSXMMEXCPT : 0;
    return cr4;
}

/* A memory type that changes under cached lines is the one thing here that the caches must be told of. */
static void load_msr(const entry_t *entry)
{
    uint64_t present = 0;

    (void)cpu_try_read_msr(entry->number, &present);
    if (((present ^ entry->wanted) & entry->judged) == 0)
        return;
    if (entry->number == MSR_PAT)
        __asm__ volatile("wbinvd" : : : "memory");
    if (!cpu_try_write_msr(entry->number, entry->wanted))
        quire_port_panic("this CPU has a register that decides about protection, and does not let it be loaded");
    if (entry->number == MSR_PAT)
        cpu_reload_cr3();
}

/* The tables, and TR, are cpu_tables_init()'s; what of CR4 needs the kernel's page tables comes with them. */
void cpu_registers_load(void)
{
    __asm__ volatile("push %0; popf" : : "r"((uintptr_t)FLAGS_WANTED) : "memory", "cc");
    cpu_load_local(0);
    cpu_write_cr0(CR0_WANTED);
    cpu_write_cr4(CR4_BASE);
    load_debug();
    for (size_t i = 0; i < ENTRIES; i++) {
        if (entries[i].reach == REACH_MSR && entries[i].exists())
            load_msr(&entries[i]);
    }
}

bool cpu_register_state(size_t number, bool *exists, cpu_register_state_t *state)
{
    if (number >= ENTRIES)
        return false;
    *exists = entries[number].exists();
    if (*exists)
        *state = (cpu_register_state_t){.name = entries[number].name,
                                        .why = entries[number].why,
                                        .wanted = wanted_value(&entries[number]) & entries[number].judged,
                                        .actual = read_register(&entries[number]) & entries[number].judged};
    return true;
}
