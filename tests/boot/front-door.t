# SPDX-License-Identifier: MIT
# ./quire itself: wrong usage, what cannot be run, help, and a machine that does not end well.
. "$(dirname "$0")/../harness/tap.sh"

status_of()
{
    "$@" </dev/null >"$scratch/out" 2>"$scratch/err"
    status=$?
}

status_of "$quire"
equal "without a command: status" "$status" 2
contains "without a command: usage on standard error" "$scratch/err" usage:
status_of "$quire" dance
equal "an unknown command: status" "$status" 2
status_of "$quire" run --colour
equal "an unknown option: status" "$status" 2
status_of "$quire" run --mem
equal "an option without its value: status" "$status" 2
status_of "$quire" test nonsense
equal "an unknown suite: status" "$status" 2
status_of "$quire" bench nonsense
equal "an unknown table: status" "$status" 2
status_of env ARCH=vax "$quire" run
equal "an unknown ARCH: status" "$status" 2
status_of "$quire" help
equal "help: status" "$status" 0
contains "help: on standard output" "$scratch/out" usage:
for command in run test bench events explain; do
    for option in --help -h; do
        status_of "$quire" $command $option
        equal "$command $option: status" "$status" 0
        contains "$command $option: usage on standard output" "$scratch/out" usage:
        equal "$command $option: and nothing else" "$(cat "$scratch/err")" ''
    done
done

status_of "$quire" run "$scratch/nothing"
equal "a program that is not there: status" "$status" 127
echo 'int x;' >"$scratch/text"
status_of "$quire" run "$scratch/text"
equal "a file that may not be executed: status" "$status" 126
status_of "$quire" run "$scratch"
equal "a directory: status" "$status" 126
chmod +x "$scratch/text"
status_of "$quire" run "$scratch/text"
equal "a file that is no program: status" "$status" 126
contains "a file that is no program: the kernel says why" "$scratch/err" 'cannot run'

# In a fresh clone our own programs are built when one of them is asked for. (make is not: it would take long.)
mkdir -p "$scratch/clone/tools" "$scratch/make"
cp "$quire" "$scratch/clone/"
cp "$root/tools/progress.sh" "$scratch/clone/tools/"
cat >"$scratch/make/make" <<END
#!/bin/sh
rm -rf "$scratch/clone/build" && mkdir -p "$scratch/clone/build"
for arch in i386 x86_64; do ln -sfT "$root/build/\$arch" "$scratch/clone/build/\$arch"; done
END
chmod +x "$scratch/make/make"
for arch in i386 x86_64; do
    rm -rf "$scratch/clone/build"
    status_of sh -c 'cd "$1" && PATH=$2:$PATH ARCH= ./quire run "build/$3/root/bin/hello" 7' - "$scratch/clone" "$scratch/make" $arch
    equal "a program of a clone that is not built yet, $arch: status" "$status" 7
done
status_of sh -c 'cd "$1" && PATH=$2:$PATH ./quire run build/x86_64/root/bin/nothing' - "$scratch/clone" "$scratch/make"
equal "a program that a clone does not have: status" "$status" 127

cp "$root/build/x86_64/root/bin/hello" "$scratch/two words"
status_of sh -c 'cd "$1" && "$2" run "./two words"' - "$scratch" "$quire"
equal "a program with a blank in its name: status" "$status" 0
status_of "$quire" run "$root/build/i386/root/bin/hello"
equal "a 32-bit program chooses a 32-bit kernel: status" "$status" 0
status_of env ARCH=x86_64 "$quire" run "$root/build/i386/root/bin/hello"
equal "a 32-bit program on the 64-bit kernel: status" "$status" 126

# Nothing is lost on the way to the kernel.
hello=$root/build/x86_64/root/bin/hello
# shellcheck disable=SC2046 # a list of words
status_of "$quire" run "$hello" 0 $(seq 1 5000)
contains "thousands of arguments arrive" "$scratch/out" 'argv[5001] = "5000"'
status_of "$quire" run --word "$(seq 1 1000 | tr '\n' ' ')" "$hello" 7
equal "more words than the kernel takes do not cost it the wish to run a program" "$status" 7
if can_compile gcc -m64; then
    gcc -O1 -static -o "$scratch/speak" "$(dirname "$0")/programs/speak.c" || exit 1
    status_of "$quire" run --quiet "$scratch/speak" wait
    equal "a program that waits for ever is given up: status" "$status" 126
    contains "a program that waits for ever is given up: it is told" "$scratch/err" 'waits for a signal'
else
    skip "a program that waits for ever is given up" "no static C library here"
fi
timeout -k 10 60 "$quire" run "$hello" </dev/null >&- 2>"$scratch/err"
equal "without a standard output it ends, as a program whose reader has left" $? 141

for turn in 1 2; do
    status_of "$quire" run --icount --events "$scratch/events$turn" "$hello" 0
    now=$(date +%s) # a time of day in the archives would differ
    while [ "$(date +%s)" = "$now" ]; do sleep 0.05; done
done
check "with --icount a program's run repeats exactly, to the last event" cmp "$scratch/events1" "$scratch/events2"

# A tree that belongs to somebody else: what is built runs, and nothing is built.
mkdir -p "$scratch/tree/build/x86_64" "$scratch/tree/tools"
cp "$quire" "$scratch/tree"
cp "$root/tools/progress.sh" "$scratch/tree/tools"
chmod a+rx "$scratch"
if [ "$(id -u)" -eq 0 ] && runuser -u nobody -- test -x "$scratch/tree/quire"; then
    status_of env TMPDIR=/tmp runuser -u nobody -- "$scratch/tree/quire" run
    equal "a tree that may not be written, nothing built: status" "$status" 125
    contains "a tree that may not be written, nothing built: it is told" "$scratch/err" 'may not be written'
    cp "$root/build/x86_64/quire.elf" "$root/build/x86_64/initrd.cpio" "$scratch/tree/build/x86_64"
    cp "$hello" "$scratch/tree/hello"
    status_of env TMPDIR=/tmp runuser -u nobody -- "$scratch/tree/quire" run "$scratch/tree/hello" 7
    equal "a tree that may not be written, but built: status" "$status" 7
else
    skip "a tree that may not be written" "needs root, to become somebody else"
fi

# Files that hold no events are refused before anything is printed; what is cut short is said first.
refused()
{
    status_of "$quire" events "$2"
    equal "events of $1: status" "$status" 2
    equal "events of $1: one sentence" "$(wc -l <"$scratch/err") $(grep -c "$3" "$scratch/err")" '1 1'
    equal "events of $1: no garbage" "$(cat "$scratch/out")" ''
}
: >"$scratch/empty"
head -c 6400 /dev/zero >"$scratch/zeros"
head -c 63 "$scratch/events1" >"$scratch/shorter"
refused "a text" "$root/README.md" 'no file of events'
refused "a program" "$hello" 'no file of events'
refused "zeros" "$scratch/zeros" 'no file of events'
refused "an empty file" "$scratch/empty" 'is empty'
refused "less than a record" "$scratch/shorter" 'shorter than one record'
refused "a folder" "$scratch" 'directory'
refused "nothing" "$scratch/nothing" 'No such file'
"$quire" events "$scratch/events1" >"$scratch/whole"
records=$(wc -l <"$scratch/whole")
for bytes in $((64 * records - 1)) $((64 * 300 + 7)) $((64 * 256 + 1)) 65; do
    head -c $bytes "$scratch/events1" >"$scratch/short"
    status_of "$quire" events "$scratch/short"
    equal "events cut at $bytes bytes: status" "$status" 2
    equal "events cut at $bytes bytes: one sentence" "$(wc -l <"$scratch/err") $(grep -c 'cut short' "$scratch/err")" '1 1'
    check "events cut at $bytes bytes: the whole ones are told" sh -c 'head -n "$1" "$2" | cmp - "$3"' - \
        $((bytes / 64)) "$scratch/whole" "$scratch/out"
done

status_of "$quire" run --mem nonsense
equal "a machine that cannot be: status" "$status" 125
check "a machine that cannot be: a reason is given" test -s "$scratch/err"
mkdir "$scratch/tmp"
status_of env TMPDIR="$scratch/tmp" "$quire" run "$root/build/x86_64/root/bin/hello"
equal "no temporary file is left behind" "$(ls -A "$scratch/tmp")" ""
finish
