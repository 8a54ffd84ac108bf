/* SPDX-License-Identifier: MIT */
/*
 * port_grants.c - which ports a program may get at all.
 *
 * Problem: ioperm and iopl ask for ports, and a port can be anything: the registers of a device that writes physical
 * memory for whoever asks it to, the interrupt controllers, the line that resets the machine. Page tables protect
 * nothing from those. Idea: who starts the machine says which ports programs may have (the word "ports="); without it
 * there are none. Even so some are nobody's:
 *
 *   0x000 - 0x0ff  the system board's: DMA controllers, interrupt controllers, timer, keyboard controller and its reset
 *                  line, A20, NMI mask, SMI, and what emulators add to it (debug console, exit)
 *   0x400 - 0xffff PCI's and ACPI's. The firmware puts a device's ports, those of a bus master among them, where it
 *                  likes; PCI's configuration and the ways to power the machine off lie here, too
 *   between them   disk and floppy controllers, which have memory written for them, and the kernel's own drivers'
 *
 * What remains are the places of ISA cards that only their ports reach; a card that uses the DMA controllers finds
 * every channel masked (pic.c).
 *
 * Rejected: a list of dangerous ports above 0x400 alone (each chipset has its own), and reading PCI's registers to find
 * what lies where: they can be changed later.
 */
#include "port_grants.h"

#include "boot.h"
#include "print.h"

#define WORD_BYTES 256

typedef struct range {
    uint32_t first;
    uint32_t last;
    const char *owner;
} range_t;

static const range_t nobodys[] = {
    {0x0000, 0x00ff, "the system board: DMA, interrupts, reset"},
    {0x0170, 0x0177, "a disk controller"},
    {0x01f0, 0x01f7, "a disk controller"},
    {0x0370, 0x0377, "floppy and disk controllers"},
    {0x03f0, 0x03f7, "floppy and disk controllers"},
    {0x0400, 0xffff, "PCI and ACPI: bus masters, reset, power"},
};

#define NOBODYS (sizeof(nobodys) / sizeof(nobodys[0]))

static quire_io_bitmap_t granted;
static bool any;

/* Digits of base 10, or of base 16 after "0x"; *at goes behind them. False: none, or too many for a port. */
static bool read_number(const char **at, uint32_t *number)
{
    bool hexadecimal = (*at)[0] == '0' && ((*at)[1] | 0x20) == 'x';
    const char *digits = *at + (hexadecimal ? 2 : 0);
    const char *c = digits;

    *number = 0;
    for (; *number < QUIRE_IO_PORTS; c++) {
        char lower = (char)(*c | 0x20);

        if (*c >= '0' && *c <= '9')
            *number = *number * (hexadecimal ? 16 : 10) + (uint32_t)(*c - '0');
        else if (hexadecimal && lower >= 'a' && lower <= 'f')
            *number = *number * 16 + (uint32_t)(lower - 'a') + 10;
        else
            break;
    }
    *at = c;
    return c != digits && *number < QUIRE_IO_PORTS;
}

/* "FIRST" or "FIRST-LAST", up to a comma or the end. */
static bool read_range(const char **at, range_t *range)
{
    if (!read_number(at, &range->first))
        return false;
    range->last = range->first;
    if (**at == '-') {
        (*at)++;
        if (!read_number(at, &range->last))
            return false;
    }
    return range->first <= range->last && (**at == ',' || **at == '\0');
}

static void take_back(const range_t *wanted, const range_t *from)
{
    uint32_t first = wanted->first > from->first ? wanted->first : from->first;
    uint32_t last = wanted->last < from->last ? wanted->last : from->last;

    if (first > last)
        return;
    print_always("quire: ports 0x%04x-0x%04x are given to nobody: %s\n", first, last, from->owner);
    if (quire_io_allow(&granted, first, last - first + 1, false) != QUIRE_OK)
        quire_port_panic("ports: a range that is none");
}

static void grant(const range_t *wanted, const quire_io_claims_t *claims)
{
    if (quire_io_allow(&granted, wanted->first, wanted->last - wanted->first + 1, true) != QUIRE_OK)
        quire_port_panic("ports: a range that is none");
    for (size_t i = 0; i < NOBODYS; i++)
        take_back(wanted, &nobodys[i]);
    for (size_t i = 0; i < claims->count; i++) {
        const quire_io_claim_t *claim = &claims->claims[i];
        const range_t own = {claim->first, claim->first + claim->count - 1, claim->owner};

        if (own.first > nobodys[0].last && own.last < nobodys[NOBODYS - 1].first)
            take_back(wanted, &own);
    }
}

void port_grants_read(const quire_io_claims_t *claims)
{
    char word[WORD_BYTES];
    const char *at = word;
    range_t range;

    quire_io_deny_all(&granted);
    any = false;
    if (!boot_option("ports", word, sizeof(word)))
        return;
    for (;;) {
        const char *start = at;

        if (!read_range(&at, &range)) {
            print_always("quire: ports=%s: '%s' is no range of ports; it and what follows is not given\n", word, start);
            break;
        }
        grant(&range, claims);
        if (*at == '\0')
            break;
        at++;
    }
    any = quire_io_used_bytes(&granted) != 0;
}

bool port_grants_hold(uint32_t first, uint32_t count)
{
    for (uint32_t port = first; port < first + count; port++) {
        if (!any || !quire_io_permits(&granted, QUIRE_IO_BITMAP_BYTES, (uint16_t)port, 1))
            return false;
    }
    return true;
}

const quire_io_bitmap_t *port_grants(void)
{
    return any ? &granted : NULL;
}
