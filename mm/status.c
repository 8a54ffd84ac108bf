/* SPDX-License-Identifier: MIT */
/* status.c - a status in words. */
#include <quire/types.h>

const char *quire_status_name(quire_status_t status)
{
    switch (status) {
    case QUIRE_OK:
        return "ok";
    case QUIRE_NO_MEMORY:
        return "no memory";
    case QUIRE_NO_SPACE:
        return "no address space";
    case QUIRE_INVALID:
        return "invalid argument";
    case QUIRE_EXISTS:
        return "already there";
    case QUIRE_NOT_FOUND:
        return "not there";
    case QUIRE_DENIED:
        return "access denied";
    case QUIRE_AGAIN:
        return "try again";
    case QUIRE_UNSUPPORTED:
        return "not supported here";
    case QUIRE_CORRUPT:
        return "corrupt";
    }
    return "unknown status";
}
