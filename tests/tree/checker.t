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
caught includes 'a header that is not its folder'"'"'s door' mm/vmm/bad.c "$licence" '#include "paging/tree/word.h"'
caught includes 'a private header without a name' mm/vmm/inside.h "$licence"
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
caught mentions 'a comment about a file that has gone' mm/bad.c '/* The design is in vanished.c. */'
caught mentions 'a document about a file that has moved' docs/bad.md 'See `mm/alloc.c`.'

# compiled FILE TEXT: an object of a library, or a kernel, that is made of such files.
house=$scratch/house
compiled()
{
    mkdir -p "$house/$(dirname "$1")" "$house/objects/$(dirname "$1")"
    printf '%s\n' "$2" >"$house/$1"
    gcc -w -ffreestanding -c -o "$house/objects/${1%.c}.o" "$house/$1"
}

# said WHAT WORDS: of the objects, those that are wrong are named; then all are thrown away.
said()
{
    (cd "$house" && perl tools/objects.pl objects) >"$scratch/said" 2>&1
    contains "$1 is found" "$scratch/said" "$2"
    rm -rf "$house/mm" "$house/kernel" "$house/objects"
}

mkdir -p "$house/tools"
cp "$root/tools/objects.pl" "$root/tools/layers.pl" "$house/tools/"
compiled mm/pmm/a.c 'void quire_b(void); void quire_a(void) { quire_b(); }'
compiled mm/pmm/b.c 'void quire_b(void) {}'
compiled mm/vmm/c.c 'void quire_a(void); void quire_c(void) { quire_a(); }'
compiled kernel/task/d.c 'void e(void); void d(void) { e(); }'
compiled kernel/lib/e.c 'void e(void) {}'
check "objects in order are not named" sh -c "cd '$house' && test -z \"\$(perl tools/objects.pl objects)\""
(cd "$house" && perl tools/objects.pl --order objects) >"$scratch/order"
printf '%s\n' mm/pmm/b.c mm/pmm/a.c mm/vmm/c.c >"$scratch/wanted"
check "their order is printed" cmp -s "$scratch/wanted" "$scratch/order"
compiled mm/pmm/b.c 'void quire_c(void); void quire_b(void) { quire_c(); }'
compiled mm/pmm/c.c 'void quire_a(void); void quire_c(void) { quire_a(); }'
said 'a circle of three files' 'mm/pmm/a.c: a circle'
compiled mm/pmm/a.c 'void quire_b(void); void quire_a(void) { quire_b(); }'
compiled mm/vmm/b.c 'void quire_b(void) {}'
said 'a call of a higher layer' 'mm/pmm/a.c: must not need quire_b of mm/vmm/b.c'
compiled mm/heap/a.c 'void quire_b(void); void quire_a(void) { quire_b(); }'
compiled mm/pmm/b.c 'void quire_b(void) {}'
said 'a call aside' 'mm/heap/a.c: must not need quire_b of mm/pmm/b.c'
compiled mm/heap/a.c 'int counter;'
said 'a symbol without the prefix' 'mm/heap/a.c: counter'
compiled kernel/task/a.c 'void b(void); void a(void) { b(); }'
compiled kernel/linux/b.c 'void c(void); void b(void) { c(); }'
compiled kernel/task/c.c 'void c(void) {}'
said 'a circle of folders' 'kernel/linux: a circle'
compiled kernel/task/a.c 'void b(void); void a(void) { b(); }'
compiled kernel/task/b.c 'void a(void); void b(void) { a(); }'
check "in a folder of the kernel, files may need each other" sh -c "cd '$house' && test -z \"\$(perl tools/objects.pl objects)\""
finish
