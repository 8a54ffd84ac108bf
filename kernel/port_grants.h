/* SPDX-License-Identifier: MIT */
/* port_grants.h - which ports the boot words give away, and which nobody can. */
#ifndef KERNEL_PORT_GRANTS_H
#define KERNEL_PORT_GRANTS_H

#include <quire/quire.h>

/* Reads the word "ports=FIRST-LAST,..."; says in words what of it is not given. After the drivers' claims. */
void port_grants_read(const quire_io_claims_t *claims);

/* Whether all of [first, first + count) was given away. */
bool port_grants_hold(uint32_t first, uint32_t count);

/* All that was given away; NULL: nothing. */
const quire_io_bitmap_t *port_grants(void);

#endif
