/* SPDX-License-Identifier: MIT */
/* quire.h - the whole public face of the library, lowest layer first. */
#ifndef QUIRE_QUIRE_H
#define QUIRE_QUIRE_H

#include <quire/types.h>

#include <quire/port.h>

#include <quire/arena.h>
#include <quire/event.h>
#include <quire/explain.h>
#include <quire/heap.h>
#include <quire/io.h>
#include <quire/memory_map.h>
#include <quire/page.h>
#include <quire/paging.h>
#include <quire/pmm.h>
#include <quire/segmentation.h>
#include <quire/vmm.h>

#endif
