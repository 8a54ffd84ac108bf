/* SPDX-License-Identifier: MIT */
/*
 * main.c - why did this kernel die? Asked of its registers and its memory, saved.
 *
 * Problem. A kernel that resets itself leaves nothing behind that could say why; one that hangs says nothing, either.
 * But the machine it runs on is an emulator most of the time, and can be asked for both.
 *
 * Idea. What the library says on a live machine needs nothing but the tables, read as physical memory, and a few
 * registers: the same functions are called here, with a saved machine behind them. The kernel may be anybody's. All
 * input is untrusted: what cannot be is answered by a sentence.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exception.h"
#include "memory.h"
#include "registers.h"

#define EXPLANATION_BYTES 1024
#define FINDINGS_BYTES    2048
#define LINE_BYTES        1024 /* of the registers' text; what is longer holds none */

#define CR0_WP   ((uint64_t)1 << 16)
#define CR4_SMEP ((uint64_t)1 << 20)
#define EFER_NXE ((uint64_t)1 << 11)

#define VECTOR_PAGE_FAULT 14
#define UPPER_HALF_32     ((quire_va_t)0xC0000000) /* where most 32-bit kernels begin */

typedef struct request {
    const char *registers_path;
    const char *memory_path;
    uint64_t address;
    uint64_t code;
    uint64_t hole_at;
    uint64_t kernel_at;
    uint64_t set;
    bool has_address;
    bool has_code;
    bool quire;
} request_t;

static memory_t memory;

static _Noreturn void refuse(const char *what, const char *why)
{
    fprintf(stderr, "explain: %s: %s\n", what, why);
    exit(1);
}

static _Noreturn void wrong_usage(const char *what, const char *why)
{
    fprintf(stderr, "explain: %s: %s\n", what, why);
    exit(2);
}

/* Decimal, or hexadecimal after 0x; K, M, G for sizes. */
static uint64_t number_of(const char *text, const char *option)
{
    char *end;
    uint64_t value;
    unsigned shift = 0;

    errno = 0;
    value = strtoull(text, &end, 0);
    if (*end != '\0' && end[1] == '\0')
        shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    if (end == text || *text == '-' || errno != 0 || (*end != '\0' && shift == 0) || value > UINT64_MAX >> shift)
        wrong_usage(option, "wants a number, such as 0x1000 or 3G");
    return value << shift;
}

/* The option's value is taken; false: there is no such option. */
static bool take_option(request_t *request, const char *option, const char *value)
{
    if (strcmp(option, "--registers") == 0)
        request->registers_path = value;
    else if (strcmp(option, "--memory") == 0)
        request->memory_path = value;
    else if (strcmp(option, "--address") == 0)
        request->address = number_of(value, option);
    else if (strcmp(option, "--code") == 0)
        request->code = number_of(value, option);
    else if (strcmp(option, "--hole-at") == 0)
        request->hole_at = number_of(value, option);
    else if (strcmp(option, "--kernel-at") == 0)
        request->kernel_at = number_of(value, option);
    else if (strcmp(option, "--set") == 0)
        request->set = number_of(value, option);
    else
        return false;
    request->has_address |= strcmp(option, "--address") == 0;
    request->has_code |= strcmp(option, "--code") == 0;
    return true;
}

static request_t read_request(int argc, char **argv)
{
    request_t request = {0};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quire") == 0)
            request.quire = true;
        else if (i + 1 == argc)
            wrong_usage(argv[i], "no such option, or it wants a value");
        else if (!take_option(&request, argv[i], argv[i + 1]))
            wrong_usage(argv[i], "no such option");
        else
            i++;
    }
    if (request.registers_path == NULL || request.memory_path == NULL)
        wrong_usage("--registers FILE and --memory FILE", "both are needed");
    if (request.code > 0xFFFF || request.set > 0xFFFFFFFF)
        wrong_usage("--code and --set", "too large a number");
    return request;
}

static register_set_t read_registers(const request_t *request)
{
    static register_parser_t parser;
    static char line[LINE_BYTES];
    FILE *file = strcmp(request->registers_path, "-") == 0 ? stdin : fopen(request->registers_path, "rb");
    register_set_t set;
    size_t length = 0;
    int c;

    if (file == NULL)
        refuse(request->registers_path, strerror(errno));
    registers_begin(&parser, (unsigned)request->set);
    while ((c = getc(file)) != EOF) {
        if (c == '\n' || c == '\r') {
            registers_line(&parser, line, length);
            length = 0;
        } else if (length < sizeof(line)) {
            line[length++] = (char)c;
        }
    }
    registers_line(&parser, line, length);
    if (file != stdin)
        fclose(file);
    if (!registers_end(&parser, &set))
        refuse(request->registers_path,
               parser.count == 0 ? "no registers in it with CR0, CR3 and CR4: neither QEMU's nor the Quire kernel's"
                                 : "it does not hold so many sets of registers");
    printf("registers: set %u of %u\n", set.number, parser.count);
    return set;
}

static void print_modes(const register_set_t *set, const quire_format_t *format)
{
    static const struct {
        const char *name;
        uint64_t bit;
    } bits[] = {{"PSE", 1 << 4},   {"PGE", 1 << 7},   {"UMIP", 1 << 11}, {"PCIDE", 1 << 17},
                {"SMEP", 1 << 20}, {"SMAP", 1 << 21}, {"PKE", 1 << 22},  {"CET", 1 << 23}};
    bool first = true;

    printf("  %s paging, CR3 0x%llx; on:", quire_format_name(format), (unsigned long long)set->cr3);
    if (set->cr0 & CR0_WP)
        printf("%s WP", first ? "" : ",");
    first = first && !(set->cr0 & CR0_WP);
    if (set->efer & EFER_NXE)
        printf("%s NX", first ? "" : ",");
    first = first && !(set->efer & EFER_NXE);
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        if (!(set->cr4 & bits[i].bit))
            continue;
        printf("%s %s", first ? "" : ",", bits[i].name);
        first = false;
    }
    printf("%s\n", first ? " no protection" : "");
}

static bool is_long(const quire_format_t *format)
{
    return quire_format_levels(format) > 3;
}

/* A segment's base counts where it is not flat, which is never in long mode. */
static uint64_t linear(const quire_format_t *format, uint64_t base, uint64_t offset)
{
    return format != NULL && is_long(format) ? offset : (uint32_t)(base + offset);
}

static void print_place(const register_set_t *set, const quire_format_t *format)
{
    printf("  ring %u, instruction 0x%llx, stack 0x%llx%s\n", set->ring,
           (unsigned long long)linear(format, set->code_base, set->instruction),
           (unsigned long long)linear(format, set->stack_base, set->stack),
           set->triple ? "; then the processor reset itself (a triple fault)" : "");
}

static quire_explain_t explainer(const request_t *request, const register_set_t *set, const quire_format_t *format)
{
    quire_va_t upper = format != NULL && is_long(format) ? (quire_va_t)1 << 63 : UPPER_HALF_32;

    return (quire_explain_t){.format = format,
                             .cr3 = set->cr3,
                             .cr0 = set->cr0,
                             .cr4 = set->cr4,
                             .efer = set->efer,
                             .known = registers_known_modes(set),
                             .shared_start = request->kernel_at != 0 ? (quire_va_t)request->kernel_at : upper,
                             .promises = request->quire || set->quire,
                             .read = memory_read,
                             .context = &memory};
}

static void explain(const quire_explain_t *with, const char *title, uint64_t va, uint64_t code)
{
    static char words[EXPLANATION_BYTES];

    quire_explain(with, (quire_va_t)va, (uint32_t)code, words, sizeof(words));
    printf("\n%s\n  %s", title, words);
}

/* A fetch is told as one only where NX or SMEP is on; elsewhere its address betrays it. */
static uint64_t code_of(const quire_explain_t *with, const event_t *event)
{
    bool told = (with->efer & EFER_NXE) || (with->cr4 & CR4_SMEP);

    if (with->format == NULL)
        return event->code;
    return event->code | (!told && event->address == event->instruction ? QUIRE_FAULT_FETCH : 0u);
}

static void explain_event(const quire_explain_t *with, const register_set_t *set, const char *title,
                          const event_t *event)
{
    const char *name = registers_exception(event->vector);
    quire_explain_t answered = *with;
    char line[160];

    snprintf(line, sizeof(line), "%s: %s (%u), error code 0x%llx, at instruction 0x%llx", title,
             name != NULL ? name : "exception", event->vector, (unsigned long long)event->code,
             (unsigned long long)event->instruction);
    if (event->vector == VECTOR_PAGE_FAULT && with->format != NULL) {
        answered.answered = event->answered;
        answered.answer = (quire_status_t)event->answer;
        explain(&answered, line, event->address, code_of(with, event));
        return;
    }
    printf("\n%s\n", line);
    exception_print(stdout, with, set, event);
}

/* CR2, when nobody tells which fault left it there. */
static void explain_cr2(const quire_explain_t *with, const request_t *request, const register_set_t *set)
{
    if (request->has_code)
        explain(with, "the fault at CR2:", set->cr2, request->code);
    else if (set->cr2 == 0)
        printf("\nCR2 is 0: no page fault has been seen, or one at address 0 (--address 0 --code N explains it)\n");
    else if (set->idt.known && set->cr2 >= set->idt.base && set->cr2 - set->idt.base <= set->idt.limit)
        printf(
            "\nCR2, 0x%llx, lies in the IDT, in the gate of vector %u: the processor could not read it to deliver an "
            "earlier fault%s\n",
            (unsigned long long)set->cr2, (unsigned)(set->cr2 - set->idt.base) / (is_long(with->format) ? 16 : 8),
            set->first.known ? "" : ", whose address is lost (QEMU's -d int tells it)");
    else
        explain(with,
                "the last page fault was at CR2; its error code is not known (--code N), so this takes it for a read:",
                set->cr2, request->code);
}

/* What was asked for; or what the registers tell of. */
static void explain_all(const request_t *request, const register_set_t *set, const quire_format_t *format)
{
    quire_explain_t with = explainer(request, set, format);
    bool told = set->event.known && !request->has_code;

    if (request->has_address && format != NULL) {
        explain(&with, "the access asked about:", request->address, request->code);
        return;
    }
    if (set->first.known)
        explain_event(&with, set, "the fault that could not be delivered", &set->first);
    if (told)
        explain_event(&with, set, "the fault", &set->event);
    if (format != NULL && (!told || (set->event.vector != VECTOR_PAGE_FAULT && set->first.address != set->cr2)))
        explain_cr2(&with, request, set);
}

static void print_findings(const char *findings)
{
    while (*findings != '\0') {
        size_t length = strcspn(findings, "\n");

        printf("  %.*s\n", (int)length, findings);
        findings += length + (findings[length] != '\0');
    }
}

/* Could the processor go on? In ring 3 its instruction and its stack are the program's, and may be promised only. */
static void check(const register_set_t *set, const quire_format_t *format)
{
    static char findings[FINDINGS_BYTES];
    bool kernel = set->ring == 0;
    quire_preflight_t flight = {.format = format,
                                .cr3 = set->cr3,
                                .cr0 = set->cr0,
                                .cr4 = set->cr4,
                                .efer = set->efer,
                                .known = registers_known_modes(set),
                                .gdt = (quire_va_t)set->gdt.base,
                                .gdt_limit = set->gdt.limit & 0xFFFF,
                                .idt = (quire_va_t)set->idt.base,
                                .idt_limit = set->idt.limit & 0xFFFF,
                                .tss = (quire_va_t)set->task.base,
                                .tss_limit = set->task.limit,
                                .read = memory_read,
                                .context = &memory};
    quire_status_t status;

    if (kernel && (set->known & REGISTER_INSTRUCTION))
        flight.instruction = (quire_va_t)linear(format, set->code_base, set->instruction);
    if (kernel && (set->known & REGISTER_STACK))
        flight.stack = (quire_va_t)linear(format, set->stack_base, set->stack);
    status = quire_preflight_check(&flight, findings, sizeof(findings));
    printf("\nwhat the processor needs to go on%s:\n", kernel ? "" : " (in ring 3: not the program's own memory)");
    if (set->idt.known && flight.idt_limit == 0)
        printf("  the IDT is empty: each exception is a triple fault\n");
    print_findings(findings);
    if (status == QUIRE_OK)
        printf("  nothing is missing: instruction, stack, GDT, IDT, task state, reserved bits\n");
}

int main(int argc, char **argv)
{
    request_t request = read_request(argc, argv);
    register_set_t set = read_registers(&request);
    const quire_format_t *format = registers_format(&set);
    const char *why = memory_open(&memory, request.memory_path, request.hole_at);

    if (why != NULL)
        refuse(request.memory_path, why);
    if (format == NULL) {
        printf("  paging is off (CR0.PG): every address is physical, and there is no page fault to explain\n");
        print_place(&set, NULL);
    } else {
        print_modes(&set, format);
        print_place(&set, format);
    }
    printf("memory: %s, %zu piece%s%s\n", memory.core ? "an ELF core" : "a raw image", memory.count,
           memory.count == 1 ? "" : "s", memory.cut_short ? "; the file is cut short" : "");
    explain_all(&request, &set, format);
    if (format != NULL)
        check(&set, format);
    memory_close(&memory);
    return fflush(stdout) == 0 ? 0 : 1;
}
