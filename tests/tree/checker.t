# SPDX-License-Identifier: MIT
# The check of the tree finds what it is there to find.
. "$(dirname "$0")/../harness/tap.sh"

licence='/* SPDX-License-Identifier: MIT */'
copy=$scratch/copy
mkdir "$copy"
(cd "$root" && tar -cf - include mm kernel user tests tools bench docs .ci quire Makefile [A-Z]*.md) | tar -xf - -C "$copy"

# caught CHECK NAME FILE LINES...: with these lines in FILE, CHECK speaks of it.
caught()
{
    which=$1 what=$2 file=$3
    shift 3
    printf '%s\n' "$@" >"$copy/$file"
    "$copy/tools/check-tree.sh" "$which" >"$scratch/said"
    contains "$what is found" "$scratch/said" "$file"
    rm "$copy/$file"
}

caught includes 'looking up' mm/pmm/bad.c "$licence" '#include <quire/vmm.h>'
caught includes 'looking up from the bottom' mm/bad.c "$licence" '#include <quire/pmm.h>'
caught includes 'looking aside' mm/heap/bad.c "$licence" '#include <quire/pmm.h>'
caught includes 'another file of a higher layer' mm/pmm/bad.c "$licence" '#include "../paging/tree/tree.h"'
caught includes 'the heap from above' mm/vmm/bad.c "$licence" '#include <quire/heap.h>'
caught includes 'the C library' mm/heap/bad.c "$licence" '#include <stdlib.h>'
caught includes 'the kernel' mm/vmm/bad.c "$licence" '#include "../../kernel/print.h"'
caught includes 'the library inside, from the kernel' kernel/bad.c "$licence" '#include "../mm/vmm/space.h"'
caught includes 'an architecture' mm/vmm/bad.c "$licence" '#ifdef __x86_64__' '#endif'
# shellcheck disable=SC2046 # a list of words
caught lengths 'a long file' mm/bad.c $(yes line | head -n 400)
caught lengths 'a long line' mm/bad.c "$(printf '%0121d' 0)"
# shellcheck disable=SC2046
caught functions 'a long function' mm/bad.c 'void f(void)' '{' $(yes ';' | head -n 40) '}'
caught headers 'a source without licence' mm/bad.c 'int x;'
caught headers 'a header without guard' mm/bad.h "$licence"
caught whitespace 'white space at the end' mm/bad.c 'int x; '
caught whitespace 'a tab' mm/bad.c "$(printf '\tint x;')"
caught words 'a promise' mm/bad.c "$(echo '// TO''DO later')"
finish
