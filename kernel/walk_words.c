/* SPDX-License-Identifier: MIT */
/*
 * walk_words.c - one event in words.
 *
 * Each event kind has a sentence; the layer that speaks it is told apart, so that the walk can set it in a column of
 * its own. Nothing here looks at the present state of memory: an event is told as it was recorded, even if everything
 * it speaks of has changed since.
 */
#include "walk_words.h"

#include "arch/arch.h"
#include "print.h"
#include "syscall.h"

#define LINUX_ERRORS 4095 /* results from -4095 to -1 are errors */

bool walk_is_pmm(unsigned kind)
{
    return kind >= QUIRE_EVENT_FRAME_ALLOC && kind <= QUIRE_EVENT_FRAME_ZERO;
}

const char *walk_layer(unsigned kind)
{
    if (walk_is_pmm(kind))
        return "PMM";
    if (kind >= QUIRE_EVENT_ENTRY && kind <= QUIRE_EVENT_LOAD_ROOT)
        return "paging";
    if (kind >= QUIRE_EVENT_SPACE_CREATE && kind <= QUIRE_EVENT_FAULT_DONE)
        return "VMM";
    if (kind >= QUIRE_EVENT_HEAP_ALLOC && kind <= QUIRE_EVENT_HEAP_JOIN)
        return "heap";
    if (kind == QUIRE_EVENT_TRAP || kind == QUIRE_EVENT_TRAP_DONE)
        return "CPU";
    if (kind == QUIRE_EVENT_MARK)
        return "program";
    return "kernel";
}

const char *walk_prot(unsigned prot)
{
    static const char *const words[] = {"nothing", "read",          "write",          "read, write",
                                        "execute", "read, execute", "write, execute", "read, write, execute"};

    return words[prot & (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)];
}

/* Sizes are told in the largest unit that divides them. */
static void size_words(uint64_t bytes, char *text, size_t size)
{
    if (bytes >= 1u << 30 && (bytes & ((1u << 30) - 1)) == 0)
        print_to(text, size, "%llu GiB", (unsigned long long)(bytes >> 30));
    else if (bytes >= 1u << 20 && (bytes & ((1u << 20) - 1)) == 0)
        print_to(text, size, "%llu MiB", (unsigned long long)(bytes >> 20));
    else if (bytes >= 1u << 10 && (bytes & ((1u << 10) - 1)) == 0)
        print_to(text, size, "%llu KiB", (unsigned long long)(bytes >> 10));
    else
        print_to(text, size, "%llu bytes", (unsigned long long)bytes);
}

static void entry_words(uint64_t raw, unsigned level, char *text, size_t size)
{
    quire_page_t page = quire_format_decode(&ARCH_FORMAT, level, raw);

    quire_page_describe(&page, text, size);
}

static void paging_sentence(const quire_event_t *event, char *text, size_t size)
{
    unsigned long long address = event->address;
    unsigned long long frame = event->frame;
    char before[112];
    char after[112];

    if (event->kind == QUIRE_EVENT_TABLE_ALLOC) {
        print_to(text, size, "frame 0x%llx becomes the level-%u table for 0x%llx", frame, event->level, address);
    } else if (event->kind == QUIRE_EVENT_TABLE_FREE) {
        print_to(text, size, "the level-%u table in frame 0x%llx is empty: given back", event->level, frame);
    } else if (event->kind == QUIRE_EVENT_LOAD_ROOT) {
        print_to(text, size, "CR3 takes the root in frame 0x%llx", frame);
    } else if (event->kind == QUIRE_EVENT_FLUSH) {
        size_words(event->bytes, after, sizeof(after));
        if (event->bytes == 0)
            print_to(text, size, "drops all translations of the space");
        else
            print_to(text, size, "drops the translations of %s at 0x%llx", after, address);
    } else {
        entry_words(event->before, event->level, before, sizeof(before));
        entry_words(event->after, event->level, after, sizeof(after));
        print_to(text, size, "level %u: %s  ->  %s", event->level, before, after);
    }
}

static void vmm_sentence(const quire_event_t *event, char *text, size_t size)
{
    unsigned long long address = event->address;
    char bytes[32];

    size_words(event->bytes, bytes, sizeof(bytes));
    switch ((quire_event_kind_t)event->kind) {
    case QUIRE_EVENT_SPACE_CREATE:
        print_to(text, size, "a new address space, its root table in frame 0x%llx", (unsigned long long)event->frame);
        break;
    case QUIRE_EVENT_SPACE_DESTROY:
        print_to(text, size, "the address space is gone, with all its frames and tables");
        break;
    case QUIRE_EVENT_RESERVE:
        print_to(text, size, "promises %s at 0x%llx (%s); takes no frame for it", bytes, address,
                 walk_prot((unsigned)event->detail));
        break;
    case QUIRE_EVENT_POPULATE:
        print_to(text, size, "keeps the promise of %s at 0x%llx at once", bytes, address);
        break;
    case QUIRE_EVENT_UNMAP:
        print_to(text, size, "takes back %s at 0x%llx", bytes, address);
        break;
    case QUIRE_EVENT_PROTECT:
        print_to(text, size, "%s at 0x%llx may now: %s", bytes, address, walk_prot((unsigned)event->detail));
        break;
    case QUIRE_EVENT_FAULT:
        print_to(text, size, "asks the page table what 0x%llx was promised to be", address);
        break;
    default:
        if (event->detail == QUIRE_OK)
            print_to(text, size, "0x%llx is now frame 0x%llx: the instruction runs again", address,
                     (unsigned long long)event->frame);
        else
            print_to(text, size, "0x%llx: %s", address, quire_status_name((quire_status_t)event->detail));
        break;
    }
}

static void heap_sentence(const quire_event_t *event, char *text, size_t size)
{
    unsigned long long address = event->address;
    unsigned long long bytes = event->bytes;
    unsigned long long detail = event->detail;
    char words[32];

    size_words(bytes, words, sizeof(words));
    switch ((quire_event_kind_t)event->kind) {
    case QUIRE_EVENT_HEAP_ALLOC:
        print_to(text, size, "gives 0x%llx, a block of %llu bytes for the %llu asked", address, detail, bytes);
        break;
    case QUIRE_EVENT_HEAP_FREE:
        print_to(text, size, "takes the block at 0x%llx back, %llu bytes", address, bytes);
        break;
    case QUIRE_EVENT_HEAP_SEARCH:
        if (detail == 0)
            print_to(text, size, "looks for a free block of %llu bytes: there is none", bytes);
        else
            print_to(text, size, "looks for a free block of %llu bytes: finds one of %llu at 0x%llx", bytes, detail,
                     address);
        break;
    case QUIRE_EVENT_HEAP_GROW:
        print_to(text, size, "has got %s at 0x%llx from its source", words, address);
        break;
    case QUIRE_EVENT_HEAP_SHRINK:
        print_to(text, size, "gives %s at 0x%llx back to its source", words, address);
        break;
    case QUIRE_EVENT_HEAP_SPLIT:
        print_to(text, size, "splits it: %llu bytes at 0x%llx, and %llu stay free", bytes, address, detail);
        break;
    default:
        print_to(text, size, "joins it with its free neighbours: %llu bytes at 0x%llx", bytes, address);
        break;
    }
}

static const char *fault_words(uint64_t code)
{
    bool write = code & 2;

    if (code & 16)
        return code & 1 ? "to execute what may not be" : "to execute where nothing is present";
    if (code & 1)
        return write ? "to write where it may not" : "to read where it may not";
    return write ? "to write where nothing is present" : "to read where nothing is present";
}

static void host_sentence(const quire_event_t *event, char *text, size_t size)
{
    static const char *const marks[] = {
        "?", "calls malloc", "malloc has returned", "has written to the block", "has read it", "has freed it"};
    bool page_fault = event->detail == VECTOR_PAGE_FAULT;

    switch ((quire_event_kind_t)event->kind) {
    case QUIRE_EVENT_SYSCALL:
        print_to(text, size, "system call %s(0x%llx, 0x%llx, ...)", syscall_name((uintptr_t)event->detail),
                 (unsigned long long)event->before, (unsigned long long)event->after);
        break;
    case QUIRE_EVENT_SYSCALL_DONE:
        if ((uintptr_t)event->after >= (uintptr_t)-LINUX_ERRORS) {
            print_to(text, size, "%s fails: error %u", syscall_name((uintptr_t)event->detail),
                     (unsigned)-(uintptr_t)event->after);
            break;
        }
        print_to(text, size, "%s returns 0x%llx", syscall_name((uintptr_t)event->detail),
                 (unsigned long long)event->after);
        break;
    case QUIRE_EVENT_TRAP:
        if (page_fault)
            print_to(text, size, "page fault at 0x%llx: wanted %s", (unsigned long long)event->address,
                     fault_words(event->before));
        else
            print_to(text, size, "trap %llu", (unsigned long long)event->detail);
        break;
    case QUIRE_EVENT_TRAP_DONE:
        print_to(text, size, "back to the program");
        break;
    case QUIRE_EVENT_MARK:
        print_to(text, size, "%s", event->detail < 6 ? marks[event->detail] : marks[0]);
        break;
    default:
        print_to(text, size, "%s", quire_event_name(event->kind));
        break;
    }
}

void walk_sentence(const quire_event_t *event, char *text, size_t bytes)
{
    unsigned long long frame = event->frame;

    if (event->kind == QUIRE_EVENT_FRAME_ALLOC)
        print_to(text, bytes, "hands out frame 0x%llx, for: %s", frame, quire_owner_name((quire_owner_t)event->detail));
    else if (event->kind == QUIRE_EVENT_FRAME_FREE)
        print_to(text, bytes, "has frame 0x%llx back, from: %s", frame, quire_owner_name((quire_owner_t)event->detail));
    else if (event->kind == QUIRE_EVENT_FRAME_SPLIT)
        print_to(text, bytes, "divides the block at frame 0x%llx into %llu frames", frame, 1ull << event->level);
    else if (event->kind == QUIRE_EVENT_FRAME_ZERO)
        print_to(text, bytes, "fills frame 0x%llx with zeros", frame);
    else if (event->kind >= QUIRE_EVENT_ENTRY && event->kind <= QUIRE_EVENT_LOAD_ROOT)
        paging_sentence(event, text, bytes);
    else if (event->kind >= QUIRE_EVENT_SPACE_CREATE && event->kind <= QUIRE_EVENT_FAULT_DONE)
        vmm_sentence(event, text, bytes);
    else if (event->kind >= QUIRE_EVENT_HEAP_ALLOC && event->kind <= QUIRE_EVENT_HEAP_JOIN)
        heap_sentence(event, text, bytes);
    else
        host_sentence(event, text, bytes);
}
