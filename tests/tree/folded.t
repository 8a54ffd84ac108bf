# SPDX-License-Identifier: MIT
# What the build promises: a kernel for one format has that format's constants in its code, events can be compiled out,
# and every public header stands alone.
. "$(dirname "$0")/../harness/tap.sh"
cd "$root" || exit 1

# --- one format: no pointer is followed to it, or by it ---

# path_of OBJECT...: what the fault path is made of, in $scratch/path.
path_of()
{
    perl "$root/tests/tree/fault-path.pl" "$@" >"$scratch/path" 2>"$scratch/path-error" && [ ! -s "$scratch/path-error" ]
}

# The seeds: a table of functions looks like a switch, and is not one.
mkdir -p "$scratch/mm"
cat >"$scratch/mm/seed.c" <<'END_OF_SEED'
extern const struct quire_format { int levels; } quire_format_x86_pae;
static int one(int x) { return x + 1; }
static int two(int x) { return x * 2; }
static int three(int x) { return x / 3; }
static int four(int x) { return x - 4; }
static int (*const functions[])(int) = {one, two, three, four};
int quire_vmm_fault(unsigned x, int y) { return functions[x](y); }
int quire_vmm_open_page(int (*f)(int), int y) { return f(y) + 1; }
int quire_cursor_open(void) { return quire_format_x86_pae.levels; }
void seen(const char *), nothing(void);
void quire_cursor_query(int x)
{
    switch (x) {
    case 1: seen("a"); nothing(); break;
    case 2: nothing(); break;
    case 3: nothing(); seen("b"); break;
    case 4: seen("c"); seen("d"); break;
    case 5: nothing(); nothing(); break;
    case 6: seen("e"); break;
    }
}
struct table { const struct quire_format *format; };
int quire_cursor_put(struct table *table) { return table->format->levels; }
void quire_cursor_close(void) { }
END_OF_SEED

if ! command -v objdump >/dev/null 2>&1; then
    skip "the fault path is folded" "no objdump here"
else
    for machine in -m64 -m32; do
        (cd "$scratch" && gcc -O2 -g $machine -fno-pic -fno-pie -ffreestanding -fno-asynchronous-unwind-tables \
            -c -o seed.o mm/seed.c && path_of seed.o)
        contains "$machine: a table of functions is found" "$scratch/path" 'call quire_vmm_fault '
        contains "$machine: a pointer that is called is found" "$scratch/path" 'call quire_vmm_open_page '
        contains "$machine: a format by its name is found" "$scratch/path" 'format quire_cursor_open quire_format_x86_pae'
        contains "$machine: a format behind a pointer is found" "$scratch/path" 'source mm/seed.c'
        contains "$machine: a switch is not taken for a call" "$scratch/path" 'switch quire_cursor_query'
        equal "$machine: and nothing else is said" "$(grep -vc '^function' "$scratch/path")" 5
    done
    for arch in i386 i386pae x86_64; do
        check "$arch: builds" build ARCH=$arch kernel
        path_of build/$arch/mm/*/*.o build/$arch/mm/*/*/*.o
        result $? "$arch: the fault path can be followed"
        sed 's/^/# /' "$scratch/path-error"
        # Of the PMM, one pointer: the host's function that is asked for memory before an allocation fails.
        equal "$arch: no pointer is called on the fault path but the shrinker" \
            "$(awk '$1 == "call" { print $2 }' "$scratch/path")" quire_pmm_block_alloc
        equal "$arch: no format is referred to, or read through a pointer" \
            "$(grep -E '^(format|source|missing) ' "$scratch/path")" ''
        # If the walk of the calls came to nothing, it proved nothing.
        for function in quire_vmm_fault quire_paging_walk quire_paging_split quire_paging_flush_and_free quire_pmm_alloc prune_table; do
            contains "$arch: the path leads through $function" "$scratch/path" "function $function build/$arch/"
        done
        echo "# $arch: $(grep -c '^function' "$scratch/path") functions, $(grep -c '^switch' "$scratch/path") switch tables"
    done
fi

# --- events compiled out ---

warnings='-std=c11 -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef'
freestanding='-ffreestanding -fno-pic -fno-pie -mgeneral-regs-only -Iinclude -Imm -DQUIRE_EVENTS=0'
silent=0
for source in mm/*.c mm/*/*.c mm/*/*/*.c; do
    object=$scratch/$(echo "$source" | tr / _).o
    # shellcheck disable=SC2086 # lists of words
    gcc $warnings $freestanding -DQUIRE_FORMAT=x86_4level -c -o "$object" "$source" || silent=1
done
result $silent "the library compiles without events"
if command -v nm >/dev/null 2>&1; then
    equal "and then nothing refers to the recorder" \
        "$(nm -A "$scratch"/mm_*.o | grep -E ' U quire_event_(record|enabled)')" ''
else
    skip "and then nothing refers to the recorder" "no nm here"
fi

# --- headers that stand alone ---

have_cxx=no
echo 'int main() { return 0; }' >"$scratch/probe.cc"
g++ -std=c++17 -o "$scratch/probe" "$scratch/probe.cc" 2>/dev/null && have_cxx=yes
for header in include/quire/*.h; do
    shown=${header#include/}
    printf '#include <%s>\n#include <%s>\n' "$shown" "$shown" >"$scratch/alone.c"
    cp "$scratch/alone.c" "$scratch/alone.cc"
    for machine in -m64 -m32; do
        # shellcheck disable=SC2086
        check "$shown alone, C11, $machine" gcc $warnings -ffreestanding $machine -Iinclude -fsyntax-only "$scratch/alone.c"
    done
    if [ $have_cxx = yes ]; then
        check "$shown alone, C++17" g++ -std=c++17 -Wall -Wextra -Werror -Iinclude -fsyntax-only "$scratch/alone.cc"
    else
        skip "$shown alone, C++17" "no C++ compiler here"
    fi
done
finish
