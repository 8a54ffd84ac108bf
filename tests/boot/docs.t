# SPDX-License-Identifier: MIT
# What the documents tell a reader to type is typed, word for word, where the reader stands; what they show is what comes;
# their C compiles. A command or a block that this file does not know is a failure: whoever writes one says here what it
# should do. What takes long is named with the suite that runs it.
. "$(dirname "$0")/../harness/tap.sh"

documents="README.md CONTRIBUTING.md docs/PORTING.md docs/TEACHING.md"
extract="perl $root/tests/boot/documents.pl"

# The folder that the reader stands in: the project, as far as reading goes; what is written stays here.
reader=$scratch/project
mkdir -p "$reader" "$root/build"
for entry in "$root"/*; do ln -s "$entry" "$reader/"; done
cd "$reader" || exit 1

# typed COMMAND: its output in $scratch/out and $scratch/err, its status in $status.
typed()
{
    timeout -k 10 300 sh -c "$1" </dev/null >"$scratch/out" 2>"$scratch/err"
    status=$?
}

# works COMMAND TEXT: it ends with 0, and its output has the text.
works()
{
    typed "$1"
    equal "$where: $1: status" "$status" 0
    contains "$where: $1: has '$2'" "$scratch/out" "$2"
}

# elsewhere SUITE COMMAND
elsewhere()
{
    echo "# $where: $2: run by ./quire test $1"
}

# masked FILE: without what differs from compiler to compiler: numbers, and how wide they make a column.
masked()
{
    sed -E 's/0x[0-9a-f]+/N/g; s/[0-9][0-9,]*/N/g; s/ +/ /g; s/^ //; s/ $//' "$1"
}

# shown FILE BLOCK: the block's lines stand in the file in this order, one after the other but for empty ones.
shown()
{
    masked "$1" | grep -v '^$' >"$scratch/have"
    masked "$2" | grep -v '^$' >"$scratch/want"
    [ -s "$scratch/want" ] && perl -e '
        open my $have, "<", $ARGV[0]; open my $want, "<", $ARGV[1];
        my ($all, $part) = map { local $/; <$_> } $have, $want;
        exit 0 if index("\n$all", "\n$part") >= 0;
        for my $line (split /\n/, $part) { print "not there: $line\n" if index("\n$all", "\n$line\n") < 0 }
        print "all lines are there, in another order\n";
        exit 1;' "$scratch/have" "$scratch/want"
}

# --- commands ---

explain_a_reset()
{
    gcc -m32 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-Ttext=0x100000 -Wl,-e,start \
        -DLEVELS=4 -DMISTAKE=2 -o broken.elf "$root/tests/boot/machines/broken.S" || return 1
    # What stands for the reader's own machine is ours, and what is typed into the monitor comes from the document.
    $extract commands "$root/docs/PORTING.md" | cut -f 2 | sed -n 's/^(qemu) //p' >keys
    start=$($extract commands "$root/docs/PORTING.md" | cut -f 2 | sed -n 's/^\(qemu-system-.*\) \.\.\.$/\1/p')
    [ -s keys ] && [ -n "$start" ] || return 1
    {
        tries=0
        until grep -q '^Triple fault' log 2>/dev/null || [ $tries -ge 600 ]; do
            sleep 0.1
            tries=$((tries + 1))
        done
        sleep 0.2
        cat keys
        echo quit
    } | timeout -k 5 100 sh -c "$start -nodefaults -display none -cpu max -m 256M -kernel broken.elf" >/dev/null 2>&1
    [ -s log ] && [ -s memory ]
}

# try COMMAND: what each is for. What is written in capitals, or in brackets, stands for something.
try()
{
    case $1 in
    './quire run') works "$1" 'All accounts settled' ;;
    './quire run --icount') works "$1" 'All accounts settled' && cp "$scratch/out" "$scratch/tour" ;;
    './quire run --demo fragmentation') works "$1" holes && cp "$scratch/out" "$scratch/fragmentation" ;;
    './quire run --tests all') elsewhere kernel "$1" ;;
    'gcc -static -o hello hello.c') typed "$1" && equal "$where: $1" "$status$(cat "$scratch/err")" 0 ;;
    './quire run --ports 0x300-0x33f --word wx --word account ./hello one')
        typed "$1"
        equal "$where: $1" "$status $(cat "$scratch/out")" "0 hello, one" ;;
    './quire run ./hello one two')
        typed "$1"
        equal "$where: $1" "$status $(cat "$scratch/out" "$scratch/err")" "0 $(printf 'hello, one\nhello, two')"
        ;;
    './quire run build/x86_64/root/bin/mistakes NUMBER') elsewhere boot "$1, mistakes.t and below" ;;
    'ARCH=i386 ./quire run build/i386/root/bin/segment-keep A 1M 5') works "$1" '' ;;
    './quire help') works "$1" usage: ;;
    './quire events FILE')
        typed "./quire run --events FILE ./build/x86_64/root/bin/hello 0"
        works "$1" frame-alloc
        ;;
    './quire explain --registers FILE --memory FILE')
        typed 'touch FILE && ./quire explain --registers FILE --memory FILE'
        equal "$where: $1: empty files are refused: status" "$status" 1
        ;;
    'qemu-system-x86_64 '*' ...' | '(qemu) '*) ;; # see the next
    './quire explain --registers log --memory memory')
        check "$where: the lines before: a machine that resets is saved" explain_a_reset
        works "$1" 'the fault that could not be delivered'
        cp "$scratch/out" "$scratch/explanation"
        ;;
    'make help') works "$1" compile_commands ;;
    'make compile_commands') typed "make compile_commands compile_commands.json -n" && equal "$where: $1" "$status" 0 ;;
    'build/host/gcc-64/unit [SUITE]' | './quire test' | './quire test SUITE') elsewhere fresh "$1" ;;
    'sh tests/boot/NAME.t' | 'sh tests/boot/bochs.t') elsewhere boot "$1" ;;
    'sh tests/mutations/run.sh tests/mutations/'*.patch)
        elsewhere mutations "$1"
        check "$where: $1: there is that patch" test -e "$root/${1##* }"
        ;;
    './quire test host' | './quire test mutations' | './quire test nightly' | './quire test fresh') elsewhere "${1##* }" "$1" ;;
    './quire bench' | './quire bench '*)
        elsewhere nightly "$1"
        [ "$1" = './quire bench' ] || check "$where: $1: there is that table" test -e "$root/bench/${1##* }.sh"
        ;;
    *) result 1 "$where: nobody knows what '$1' should do" ;;
    esac
}

# --- blocks ---

# judge_block: the block in $scratch/block, whose first line is $1.
judge_block()
{
    case $where:$1 in
    'README.md:  instr.  layer    what it does')
        check "$where: the picture is what ./quire run --icount prints" shown "$scratch/tour" "$scratch/block"
        ;;
    'README.md:include/quire/ '*)
        for folder in $(cut -d ' ' -f 1 "$scratch/block"); do
            check "$where: there is $folder" test -d "$root/$folder"
        done
        ;;
    'docs/PORTING.md:-Iinclude '*)
        flags=$(sed 's/   .*//' "$scratch/block")
        formats=$(sed 's/.*(or \(.*\)).*/\1/' "$scratch/block" | tr ',' ' ')
        # shellcheck disable=SC2086 # lists of words
        check "$where: the library compiles with $flags" sh -c "cd '$root' &&
            gcc -std=c11 -Wall -Wextra -Werror -ffreestanding -mgeneral-regs-only $flags -fsyntax-only mm/*.c mm/*/*.c mm/*/*/*.c"
        for format in $formats; do
            check "$where: there is the format $format" test -e "$root/mm/paging/format/$format.c"
        done
        ;;
    'docs/PORTING.md:registers: '*)
        # "Shortened": its lines are there, in this order, with others between them.
        masked "$scratch/explanation" >"$scratch/have"
        masked "$scratch/block" | grep -v '^$' >"$scratch/want"
        missing=$(perl -e 'open my $h, "<", $ARGV[0]; my @have = <$h>; open my $w, "<", $ARGV[1];
            LINE: while (my $want = <$w>) { while (@have) { next LINE if shift(@have) eq $want } print $want }' \
            "$scratch/have" "$scratch/want")
        equal "$where: the explanation is what comes" "$missing" ''
        ;;
    'docs/TEACHING.md:ring 3 '* | 'docs/TEACHING.md:the kernel '*)
        number=$((number + 1))
        typed "./quire run build/x86_64/root/bin/mistakes $number"
        check "$where: mistake $number is explained so" shown "$scratch/err" "$scratch/block"
        ;;
    'docs/TEACHING.md:|'*)
        # Three lines of many.
        while read -r drawn; do
            contains "$where: drawn: $drawn" "$scratch/fragmentation" "$drawn"
        done <"$scratch/block"
        ;;
    'docs/TEACHING.md:stale table: '*) elsewhere mutations "$1" ;;
    *) result 1 "$where, line $line: nobody knows what this block is: $1" ;;
    esac
}

can_compile gcc
have_libc=$?
# The example first: it is typed by the reader, and compiled by one of the commands.
$extract c "$root/README.md" >hello.c
check "README.md has an example" test -s hello.c

for where in $documents; do
    number=0
    $extract commands "$root/$where" | sort -n | awk -F '\t' '!seen[$2]++' >"$scratch/commands"
    while IFS="$(printf '\t')" read -r line command; do
        case $command in
        *hello*) [ $have_libc -eq 0 ] || { skip "$where: $command" "no static C library here" && continue; } ;;
        esac
        try "$command"
    done <"$scratch/commands"
    $extract blocks "$root/$where" >"$scratch/blocks"
    while IFS="$(printf '\t')" read -r line first; do
        $extract block "$root/$where" "$line" >"$scratch/block"
        judge_block "$first"
    done <"$scratch/blocks"
    $extract c "$root/$where" >code.c
    [ -s code.c ] && [ "$where" != README.md ] || continue
    for machine in '-m64 -DQUIRE_FORMAT=x86_4level' '-m32 -DQUIRE_FORMAT=x86_pae' '-m32 -DQUIRE_FORMAT=x86_32'; do
        # shellcheck disable=SC2086 # a list of words
        check "$where: its C compiles, $machine" gcc -std=c11 -Wall -Wextra -Werror -ffreestanding $machine -DQUIRE_PORT_CPU=0 \
            "-I$root/include" -c -o code.o code.c
    done
done

# Options that the documents name are options.
"$quire" help >"$scratch/help"
for option in $(cd "$root" && cat $documents | grep -oE '`--[a-z-]+' | tr -d '`' | sort -u); do
    contains "the option $option is there" "$scratch/help" "$option"
done

# A new command that nobody knows is noticed.
# shellcheck disable=SC2016 # a document
printf 'See:\n\n    ./quire dance  to music\n\nor `./quire sing aloud`.\n' >"$scratch/new.md"
equal "a new command would be noticed" "$($extract commands "$scratch/new.md" | cut -f 2 | tr '\n' ',')" \
    './quire dance,./quire sing aloud,'
finish
