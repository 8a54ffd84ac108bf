#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317 # the checks are called by their names; no file name here has a blank
#
# check-tree.sh [CHECK] - rules of the tree that no compiler knows. Prints what breaks them; status 1 if anything does.
#
# Checks: includes, objects (of ARCH, built first if they are not), lengths, functions, headers, whitespace, words, names,
# mentions. Without an argument: all of them.
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

check_includes()
{
    perl tools/includes.pl
    grep -nE '^ *# *include *"[^"]*(mm|pmm|paging|vmm|heap|segmentation)/' -r kernel |
        sed 's/$/: the kernel sees only include\/quire/'
    grep -nE '^ *# *if.*(__i386__|__x86_64__|ARCH_)' -r mm --include='*.[ch]' | grep -v '^mm/cpu/' |
        sed 's/$/: only mm\/cpu knows the architecture/'
}

# What no text tells: who needs whom once it is compiled.
check_objects()
{
    mkdir -p build
    flock build/lock make -s -j"$(nproc)" ARCH="${ARCH:-x86_64}" objects >&2 || echo "make objects: failed"
    perl tools/objects.pl "build/${ARCH:-x86_64}"
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
    sources | xargs awk 'FNR == 1 && $0 != "/* SPDX-License-Identifier: MIT */" { print FILENAME ": does not begin with its licence" }'
    { echo quire Makefile && find tools tests bench .ci -name '*.sh' -o -name '*.t' -o -name '*.pl' -o -path .ci/run; } | xargs awk '
        function judge() { if (file != "" && !licensed) print file ": does not begin with its licence" }
        FNR == 1 { judge(); file = FILENAME; licensed = 0 }
        FNR <= 3 && /SPDX-License-Identifier: MIT/ { licensed = 1 }
        END { judge() }'
    find include mm kernel user tests tools -name '*.h' | xargs grep -L '^#ifndef [A-Z0-9_]*_H$' | sed 's/$/: has no include guard/'
}

check_whitespace()
{
    texts | xargs grep -nE '[[:blank:]]+$' /dev/null | sed 's/:[^:]*$/: white space at the end/'
    sources | xargs grep -nP '\t' /dev/null | grep -v '\.S:' | sed 's/:\t.*/: a tab/'
    texts | xargs perl -0777 -ne 'print "$ARGV: does not end with a newline\n" unless /\n\z/'
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

# Files that comments and documents speak of are there.
check_mentions()
{
    perl tools/mentions.pl
}

case $# in
0) checks='includes objects lengths functions headers whitespace words names mentions' ;;
*) checks=$* ;;
esac
found=$(for check in $checks; do "check_$check"; done)
[ -z "$found" ] && exit 0
printf '%s\n' "$found"
exit 1
