#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2044,SC2317 # no file name here has a blank; the checks are called by their names
#
# check-tree.sh [CHECK] - rules of the tree that no compiler knows. Prints what breaks them; status 1 if anything does.
#
# Checks: includes, lengths, functions, headers, whitespace, words, names. Without an argument: all of them.
set -u
cd "$(dirname "$0")/.." || exit 1

sources()
{
    find include mm kernel user tests tools -name '*.[chS]' | sort
}

texts()
{
    { sources && find . -maxdepth 1 -type f ! -name '*.json' ! -name .git && find .ci tools bench docs tests mm user -type f ! -name '*.[chS]'; } |
        sort -u
}

# The layer of a public header or of a file in mm/, as a number. The heap and segmentation stand beside the stack.
layer()
{
    case $1 in
    include/quire/types.h | mm/string.h | mm/cpu/*) echo 0 ;;
    include/quire/port.h) echo 1 ;;
    include/quire/memory_map.h | mm/pmm/memory_map*) echo 3 ;;
    include/quire/pmm.h | mm/pmm/*) echo 4 ;;
    include/quire/paging.h | include/quire/explain.h | mm/paging/*) echo 5 ;;
    include/quire/vmm.h | mm/vmm/*) echo 6 ;;
    include/quire/heap.h | mm/heap/*) echo heap ;;
    include/quire/segmentation.h | include/quire/arena.h | include/quire/io.h | mm/segmentation/*) echo segmentation ;;
    include/quire/event.h | mm/*) echo 2 ;;
    *) echo outside ;;
    esac
}

# may_include LAYER OTHER-LAYER: nobody looks up, or to the side.
may_include()
{
    [ "$1" = "$2" ] && return 0
    case $1-$2 in
    outside-* | *-outside | *-heap | *-segmentation) return 1 ;;
    heap-* | segmentation-*) [ "$2" -le 2 ] ;;
    *) [ "$2" -lt "$1" ] ;;
    esac
}

# What FILE includes, as paths from the root; freestanding system headers are left out.
included_by()
{
    folder=$(dirname "$1")
    sed -n 's/^ *# *include *\([<"][^>"]*\)[>"].*/\1/p' "$1" | while read -r name; do
        case $name in
        '<quire/'*) echo "include/${name#<}" ;;
        '<stdint.h' | '<stddef.h' | '<stdbool.h' | '<stdarg.h' | '<limits.h') ;;
        '<'*) echo "system:${name#<}" ;;
        *)
            for place in "$folder" mm; do
                [ -e "$place/${name#?}" ] && realpath --relative-to=. "$place/${name#?}" && break
            done || echo "missing:${name#?}"
            ;;
        esac
    done
}

check_includes()
{
    for file in $(find mm include -name '*.[ch]' ! -name quire.h | sort); do
        for other in $(included_by "$file"); do
            may_include "$(layer "$file")" "$(layer "$other")" || echo "$file: must not include $other"
        done
    done
    grep -nE '^ *# *include *"[^"]*(mm|pmm|paging|vmm|heap|segmentation)/' -r kernel |
        sed 's/$/: the kernel sees only include\/quire/'
    grep -nE '^ *# *if.*(__i386__|__x86_64__|ARCH_)' -r mm --include='*.[ch]' | grep -v '^mm/cpu/' |
        sed 's/$/: only mm\/cpu knows the architecture/'
}

check_lengths()
{
    sources | xargs wc -l | awk '$2 != "total" && $1 >= 400 { print $2 ": " $1 " lines; 399 are allowed" }'
    sources | xargs awk 'length($0) > 120 { print FILENAME ":" FNR ": longer than 120 columns" }'
}

# A function begins at a line "{" and ends at a line "}", which clang-format sees to.
check_functions()
{
    find mm kernel user tests tools -name '*.c' | sort | xargs awk '
        FNR == 1 { start = 0 }
        /^\{$/ { start = FNR }
        /^\}$/ { if (start && FNR - start - 1 >= 40) print FILENAME ":" start ": a function of " FNR - start - 1 " lines; 39 are allowed"; start = 0 }'
}

check_headers()
{
    for file in $(sources); do
        [ "$(head -n 1 "$file")" = '/* SPDX-License-Identifier: MIT */' ] || echo "$file: does not begin with its licence"
    done
    for file in quire Makefile $(find tools tests bench .ci -name '*.sh' -o -name '*.t' -o -name '*.pl' -o -path .ci/run); do
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file: does not begin with its licence"
    done
    for file in $(find include mm kernel user tests tools -name '*.h'); do
        grep -q '^#ifndef [A-Z0-9_]*_H$' "$file" || echo "$file: has no include guard"
    done
}

check_whitespace()
{
    texts | xargs grep -nE '[[:blank:]]+$' /dev/null | sed 's/:[^:]*$/: white space at the end/'
    sources | xargs grep -nP '\t' /dev/null | grep -v '\.S:' | sed 's/:\t.*/: a tab/'
    for file in $(texts); do
        [ -z "$(tail -c 1 "$file")" ] || echo "$file: does not end with a newline"
    done
}

# Words that promise work instead of doing it, and words of a workplace. (The pattern is written so as not to find itself.)
check_words()
{
    texts | grep -v '^\(./\)\?LICENSE$' |
        xargs grep -nE 'TO[D]O|FIX[M]E|\bXX[X]\b|HAC[K]|\b[Pp]laceholder|/wor[k]/|[l]ocalhost' \
            /dev/null
}

# The tool that decodes events knows every kind, in order.
check_names()
{
    library=$(sed -n 's/^ *\[QUIRE_EVENT_[A-Z_]*\] = "\(.*\)",$/\1/p' mm/event.c)
    enumeration=$(sed -n '/QUIRE_EVENT_NONE = 0/,/QUIRE_EVENT_KINDS/s/^ *QUIRE_EVENT_\([A-Z_]*\)[, ].*/\1/p' include/quire/event.h |
        grep -v '^KINDS$' | tr 'A-Z_' 'a-z-')
    [ "$library" = "$enumeration" ] || echo "mm/event.c: its names differ from include/quire/event.h"
    [ "$library" = "$(perl tools/events.pl --names)" ] || echo "tools/events.pl: its names differ from mm/event.c"
}

case $# in
0) checks='includes lengths functions headers whitespace words names' ;;
*) checks=$* ;;
esac
found=$(for check in $checks; do "check_$check"; done)
[ -z "$found" ] && exit 0
printf '%s\n' "$found"
exit 1
