/* SPDX-License-Identifier: MIT */
/*
 * maps.c - /proc/self/maps, in Linux's words.
 *
 * Problem: Linux prints its list of areas. Here is none: the page table is the only record, and it does not know what a
 * page was made from. Idea: the text is made when it is read, from the page table (where something is, and its rights)
 * cut up by what is known beside it: the segments of the program's file, the break, and the stack. What is cut apart so
 * and looks alike on both sides is joined again, as Linux joins areas; not across the foot of the stack, which grows,
 * and not where a segment that can be written to meets one that cannot: Linux has counted the one and not the other,
 * and keeps them apart whatever their rights are by now.
 *
 * Nothing is kept between two reads but where the last one stopped: an offset and the address whose line is next. A
 * read that begins there goes on from that address, so that lines ascend even if memory changes meanwhile; any other
 * offset is counted from the first line. A read ends with a whole line, unless its buffer does not hold one: a program
 * whose reading moves its own heap does not see halves of two truths in one line.
 *
 * What the page table cannot tell is told otherwise than on Linux: memory that may only be written or executed is shown
 * as readable too, which on x86 it is; shared memory as private, which without children it is; and a page that was
 * mapped anew where a segment lay bears the file's name still. Guards, the room below the stack, are no areas. Of a
 * process that lives in segments nothing is shown: no page is its own.
 *
 * Rejected: a list of areas beside the page table, a second truth for the sake of a listing; and the whole text in a
 * buffer, which a process can make as long as it likes.
 */
#include "maps.h"

#include "bytes.h"
#include "elf.h"
#include "path.h"
#include "print.h"

#define PREFIX_BYTES 96
#define NAME_COLUMN  (25 + sizeof(void *) * 6) /* as Linux has it for the machine's addresses */
#define FILE_DEVICE  1                         /* as stat(2) shows it */

typedef enum source {
    SOURCE_NOTHING,      /* anonymous */
    SOURCE_STACK,        /* likewise, and grows */
    SOURCE_FILE,         /* a segment that cannot be written to */
    SOURCE_FILE_WRITABLE /* one that can */
} source_t;

typedef struct line {
    quire_va_t start;
    quire_va_t end;
    uint64_t offset; /* in the file */
    source_t source;
    unsigned prot;
    unsigned key;
} line_t;

/* What a process's lines are made from. */
typedef struct view {
    process_t *process;
    const elf_image_t *image; /* NULL: it came from no file */
    uint64_t inode;
} view_t;

/* Where the text goes: what lies before `skip` is dropped, what does not fit is cut off. */
typedef struct sink {
    char *to;
    size_t room;
    size_t done;
    uint64_t skip;
    uint64_t length; /* of the line so far, dropped or not */
    bool cut;
} sink_t;

/* The file and its segments, read anew: they are not worth keeping. One process reads at a time. */
static void look_at_file(view_t *view)
{
    static elf_image_t image;
    const char *executable = linux_of(view->process)->executable;
    const char *unused;
    initrd_file_t file;

    if (executable == NULL || view->process->segments != NULL || initrd_find(executable, &file) != QUIRE_OK ||
        elf_parse(file.data, file.bytes, &process_machine, &image, &unused) != QUIRE_OK)
        return;
    view->image = &image;
    view->inode = file.inode;
}

/* Cuts a line off where a segment begins or ends; a later segment lies over an earlier one (loader.c). */
static void cut_by_segments(const elf_image_t *image, line_t *line)
{
    for (unsigned i = image->segment_count; i-- > 0;) {
        const elf_segment_t *segment = &image->segments[i];
        quire_va_t start = quire_page_down((quire_va_t)segment->address);
        quire_va_t end = quire_page_up((quire_va_t)(segment->address + segment->memory_bytes));
        quire_va_t zeros = start;

        if (segment->file_bytes != 0)
            zeros = quire_page_up((quire_va_t)(segment->address + segment->file_bytes));
        if (line->start < start && line->end > start)
            line->end = start;
        if (line->start < start || line->start >= end)
            continue;
        if (line->start < zeros) {
            line->source = (segment->prot & ELF_PROT_WRITE) != 0 ? SOURCE_FILE_WRITABLE : SOURCE_FILE;
            line->offset = (segment->file_offset & ~(uint64_t)QUIRE_PAGE_MASK) + (line->start - start);
            end = zeros;
        }
        if (line->end > end)
            line->end = end;
        return;
    }
}

/* The first piece at or above `at` that is of one kind. */
static bool next_piece(const view_t *view, quire_va_t at, line_t *line)
{
    process_t *process = view->process;
    quire_vmm_range_t range;

    if (at >= process->space.end || !next_area(process, at, process->space.end, &range))
        return false;
    *line = (line_t){.start = range.start, .end = range.end, .prot = range.prot, .key = range.key};
    if (view->image != NULL)
        cut_by_segments(view->image, line);
    if (line->source != SOURCE_NOTHING || process->stack_low == 0)
        return true;
    if (line->start >= process->stack_low)
        line->source = SOURCE_STACK;
    else if (line->end > process->stack_low)
        line->end = process->stack_low;
    return true;
}

static bool is_file(const line_t *line)
{
    return line->source == SOURCE_FILE || line->source == SOURCE_FILE_WRITABLE;
}

static bool next_line(const view_t *view, quire_va_t at, line_t *line)
{
    line_t more;

    if (!next_piece(view, at, line))
        return false;
    while (next_piece(view, line->end, &more) && more.start == line->end && more.source == line->source &&
           more.prot == line->prot && more.key == line->key &&
           (!is_file(line) || more.offset == line->offset + (line->end - line->start)))
        line->end = more.end;
    return true;
}

static void put(sink_t *sink, char c)
{
    sink->length++;
    if (sink->skip > 0)
        sink->skip--;
    else if (sink->done < sink->room)
        sink->to[sink->done++] = c;
    else
        sink->cut = true;
}

static void put_text(sink_t *sink, const char *text)
{
    while (*text != '\0')
        put(sink, *text++);
}

static void put_name(sink_t *sink, const char *name)
{
    while (sink->length < NAME_COLUMN - 1)
        put(sink, ' ');
    put(sink, ' ');
    for (; *name != '\0'; name++) {
        if (*name == '\n')
            put_text(sink, "\\012");
        else
            put(sink, *name);
    }
}

/* NULL: none. The heap is what overlaps the break's area, the stack what the program began on. */
static const char *name_of(const view_t *view, const line_t *line)
{
    process_t *process = view->process;

    if (is_file(line))
        return path_executable(process) == 0 ? linux_of(process)->path : NULL;
    if (line->source == SOURCE_STACK)
        return line->start <= process->stack_start && process->stack_start < line->end ? "[stack]" : NULL;
    return line->start < process->break_end && line->end > process->break_start ? "[heap]" : NULL;
}

static void put_line(const view_t *view, const line_t *line, sink_t *sink)
{
    char prefix[PREFIX_BYTES];
    const char *name = name_of(view, line);

    (void)print_to(prefix, sizeof(prefix), "%08llx-%08llx %c%c%cp %08llx 00:%02x %llu ",
                   (unsigned long long)line->start, (unsigned long long)line->end,
                   (line->prot & QUIRE_PROT_READ) != 0 ? 'r' : '-', (line->prot & QUIRE_PROT_WRITE) != 0 ? 'w' : '-',
                   (line->prot & QUIRE_PROT_EXEC) != 0 ? 'x' : '-', (unsigned long long)line->offset,
                   is_file(line) ? FILE_DEVICE : 0, is_file(line) ? (unsigned long long)view->inode : 0);
    sink->length = 0;
    put_text(sink, prefix);
    if (name != NULL)
        put_name(sink, name);
    put(sink, '\n');
}

size_t maps_read(process_t *process, file_t *file, uint64_t offset, void *to, size_t bytes)
{
    maps_place_t *place = &file->place;
    view_t view = {.process = process};
    sink_t sink = {.to = to, .room = bytes};
    size_t whole = 0; /* bytes in lines that are complete */
    line_t line;

    if (place->offset != offset)
        *place = (maps_place_t){0, 0, offset};
    sink.skip = place->skip;
    look_at_file(&view);
    while (next_line(&view, place->next, &line)) {
        uint64_t skipped = sink.skip;

        put_line(&view, &line, &sink);
        if (sink.cut) {
            place->skip = whole > 0 ? 0 : skipped + sink.done;
            break;
        }
        whole = sink.done;
        place->next = line.end;
        place->skip = sink.skip;
    }
    if (sink.cut && whole == 0)
        whole = sink.done;
    place->offset = offset + whole;
    return whole;
}
