# SPDX-License-Identifier: MIT
# Ctrl-C, on a terminal that we play: it ends everything, wherever it is, and leaves the terminal as it was.
. "$(dirname "$0")/../harness/tap.sh"

if ! command -v script >/dev/null 2>&1; then
    skip "Ctrl-C" "no script(1) here"
    finish
fi
mkfifo "$scratch/keys"
interrupt=$(printf '\003')
escape=$(printf '\035')

# type TEXT...: keys, one after the other as they are.
type_keys()
{
    printf '%s' "$@" >&5
}

# wait_for TEXT: until the screen has it; at most 60 seconds.
wait_for()
{
    tries=0
    until grep -qF -e "$1" "$scratch/screen" 2>/dev/null; do
        [ $tries -lt 600 ] || { echo "# '$1' never came" && return 1; }
        sleep 0.1
        tries=$((tries + 1))
    done
}

# wait_for_interrupt KEY: until the terminal takes this one, "^C" say, for what interrupts; at most 60 seconds.
wait_for_interrupt()
{
    tries=0
    until stty -F "$(cat "$scratch/tty")" -a 2>/dev/null | grep -qF "intr = $1;"; do
        [ $tries -lt 600 ] || { echo "# $1 never was what interrupts" && return 1; }
        sleep 0.1
        tries=$((tries + 1))
    done
}

# on_terminal COMMAND: starts it on a terminal of its own, whose state before and after, and its status, are kept.
on_terminal()
{
    rm -f "$scratch/screen" "$scratch/status" "$scratch/tmp"/*
    cat >"$scratch/session" <<END
trap : INT
tty >"$scratch/tty"
stty -g >"$scratch/before"
TMPDIR="$scratch/tmp" $1
echo \$? >"$scratch/status"
stty -g >"$scratch/after"
END
    # Opened for both, so that neither side waits for the other.
    exec 5<>"$scratch/keys"
    timeout -k 10 100 script -qec "sh $scratch/session" /dev/null <"$scratch/keys" >"$scratch/screen" 2>&1 &
    terminal=$!
}

# ended NAME [STATUS]: it ends within a minute, and nothing is left.
ended()
{
    tries=0
    until [ -s "$scratch/after" ] || [ $tries -ge 600 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    equal "$1: it has ended, with this status" "$(cat "$scratch/status" 2>/dev/null)" "${2:-130}"
    check "$1: the terminal is as it was" cmp "$scratch/before" "$scratch/after"
    equal "$1: nothing is left" "$(ls -A "$scratch/tmp")" ''
    equal "$1: no machine is left" "$(machines)" ''
    wait $terminal
    rm -f "$scratch/after"
}

# The QEMUs that were started from our folder of temporary files.
machines()
{
    for folder in /proc/[0-9]*; do
        case $(readlink "$folder/cwd" 2>/dev/null) in
        "$scratch/tmp"/*) echo "${folder#/proc/}" ;;
        esac
    done
}

mkdir "$scratch/tmp"

# While it is built: a compiler that takes its time, for a tree of its own.
mkdir -p "$scratch/tree" "$scratch/bin"
(cd "$root" && tar cf - include kernel mm tools user tests Makefile quire) | (cd "$scratch/tree" && tar xf -) || exit 1
printf '#!/bin/sh\necho >>"%s/compiling"\nsleep 60\n' "$scratch" >"$scratch/bin/gcc"
chmod +x "$scratch/bin/gcc"
on_terminal "env PATH=\"$scratch/bin:\$PATH\" TERM=xterm $scratch/tree/quire run"
tries=0
until [ -s "$scratch/compiling" ] || [ $tries -ge 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
type_keys "$interrupt"
ended "while it is built"
contains "while it is built: what it is at was told" "$scratch/screen" 'building the x86_64 kernel'

# During the tour, which runs from the first line to the monitor.
on_terminal "$quire run"
wait_for "Quire on x86_64"
type_keys "$interrupt"
ended "during the tour"
equal "during the tour: it never came to the monitor" "$(grep -c 'The monitor' "$scratch/screen")" 0

# At the monitor's prompt, before a command and after one.
on_terminal "$quire run"
wait_for 'quire> '
type_keys "$interrupt"
ended "at the prompt"
on_terminal "$quire run"
wait_for 'quire> '
type_keys "run /bin/hello
" "unfinished"
wait_for 'unfinished'
wait_for_interrupt '^C'
type_keys "$interrupt"
ended "at the prompt, after a program"

# Here the terminal does not see to it: the kernel does.
on_terminal "$quire run"
wait_for 'quire> '
type_keys "$escape"
ended "at the prompt, Ctrl-]"

# A program that the monitor runs: Ctrl-] ends all. Ctrl-C does not, it is the kernel's.
if can_compile gcc; then
    mkdir -p "$scratch/root"
    cat >"$scratch/endless.c" <<'END'
#include <stdio.h>
int main(void)
{
    puts("for ever");
    fflush(stdout);
    for (;;)
        continue;
}
END
    gcc -static -O1 -o "$scratch/root/endless" "$scratch/endless.c" || exit 1
    on_terminal "$quire run --root $scratch/root"
    wait_for 'quire> '
    type_keys "run endless
"
    wait_for 'for ever'
    type_keys "$escape"
    ended "a program of the monitor's, Ctrl-]"

    # Started from the host: it is ended as the shell would.
    on_terminal "$quire run $scratch/root/endless"
    wait_for 'for ever'
    type_keys "$interrupt"
    ended "a program of the host's"
else
    skip "programs" "no static C library here"
fi

# What ended by itself leaves the terminal as it was, too.
on_terminal "$quire run"
wait_for 'quire> '
type_keys "quit
"
ended "quit" 0
on_terminal "$quire run --cpu nonsense"
ended "no such machine" 125
finish
