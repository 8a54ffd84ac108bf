# SPDX-License-Identifier: MIT
# A person at the console: the monitor, on a terminal that we play.
. "$(dirname "$0")/../harness/tap.sh"

if ! command -v script >/dev/null 2>&1; then
    skip "the monitor" "no script(1) here"
    finish
fi
for ARCH in i386 i386pae x86_64; do
    export ARCH
    printf '%s\r' help mem frames ps heap ioports 'alloc 5' 'run /bin/hello' nonsense quit |
        timeout -k 10 120 script -qec "$quire run" /dev/null | tr -d '\r' >"$scratch/out"
    sed -n '/All accounts settled/,$p' "$scratch/out" >"$scratch/session"
    for text in 'PROG [ARGS]' frames 'zeroed ahead' usable process 'serial port 1' malloc 'Hello'; do
        contains "$ARCH: the session has '$text'" "$scratch/session" "$text"
    done
done

# Ctrl-C, at each place that waits. await TEXT: until the console has said it, or a minute has passed.
await()
{
    tries=0
    until grep -qF -e "$1" "$scratch/out" || [ $tries -ge 600 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
}

# await_interrupt KEY: until the terminal interrupts by that key, as ./quire tells it when a program begins and ends.
await_interrupt()
{
    tries=0
    until stty -a -F "$(cat "$scratch/tty")" 2>/dev/null | grep -qF -e "intr = $1;" || [ $tries -ge 600 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
}

# children_of PROCESS: any process may end while it is looked at.
children_of()
{
    for folder in /proc/[0-9]*; do
        parent=$(sed -n 's/^PPid:[[:blank:]]*//p' "$folder/status" 2>/dev/null)
        [ "$parent" != "$1" ] || echo "${folder#/proc/}"
    done
}

# type_in TEXT: a terminal that has ended meanwhile is no reason to end here.
type_in()
{
    # shellcheck disable=SC2059 # the text has escapes
    (printf "$1" >&5) 2>/dev/null
}

# begin ARGUMENTS...: the machine on a terminal; what is written to file 5 is typed.
begin()
{
    rm -f "$scratch/keys"
    mkfifo "$scratch/keys"
    : >"$scratch/out"
    timeout -k 10 100 script -qec "tty >$scratch/tty; echo \$\$ >$scratch/pid; exec $quire run $*" /dev/null \
        <"$scratch/keys" >"$scratch/out" 2>&1 &
    terminal=$!
    exec 5>"$scratch/keys"
}

for ARCH in x86_64 i386; do
    export ARCH
    kind='gcc -m32'
    [ $ARCH != x86_64 ] || kind='gcc -m64'
    mkdir -p "$scratch/root/bin"
    # shellcheck disable=SC2086
    $kind -O1 -static -nostdlib -fno-pie -no-pie -DUNRULY=loops -o "$scratch/root/bin/loops" \
        "$(dirname "$0")/programs/unruly.c" || exit 1
    begin "--root $scratch/root"
    await 'quire> '
    type_in 'ls\rls /bin\rls bin/loops\rls /no\rrun /bin/loops\r'
    await 'round and round'
    await_interrupt '^]'
    type_in '\003'
    await 'status 130'
    await_interrupt '^C'
    type_in 'run /bin/hello\rquit\r'
    wait $terminal
    equal "$ARCH: Ctrl-C: the monitor goes on to its end" $? 0
    exec 5>&-
    check "$ARCH: ls: a directory" grep -q '^ *bin/' "$scratch/out"
    check "$ARCH: ls: a program" grep -q '^ *[1-9][0-9]* *hello' "$scratch/out"
    check "$ARCH: ls: one file" grep -q '^ *[1-9][0-9]* *bin/loops' "$scratch/out"
    contains "$ARCH: ls: none" "$scratch/out" 'no such directory: /no'
    contains "$ARCH: Ctrl-C ends an endless program" "$scratch/out" '(loops) has ended: status 130'
    contains "$ARCH: after it other programs run" "$scratch/out" 'Hello'

    cp "$scratch/root/bin/loops" "$scratch/root/bin/alloc5"
    begin "--root $scratch/root"
    await 'round and round'
    type_in '\003'
    wait $terminal
    equal "$ARCH: Ctrl-C in the tour: status" $? 130
    exec 5>&-
    rm "$scratch/root/bin/alloc5"
done
unset ARCH
rm -f "$scratch/keys"

# Somebody else ends it: SIGTERM, while the monitor waits for a key.
mkfifo "$scratch/keys"
timeout -k 10 100 script -qec "echo \$\$ >$scratch/pid; exec $quire run" /dev/null <"$scratch/keys" >"$scratch/out" 2>&1 &
terminal=$!
exec 5>"$scratch/keys"
tries=0
until grep -q 'quire> ' "$scratch/out" || [ $tries -ge 600 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
machines=$(children_of "$(cat "$scratch/pid")")
kill -TERM "$(cat "$scratch/pid")"
wait $terminal
equal "SIGTERM ends it: status" $? 143
check "SIGTERM ends it: there was a machine" test -n "$machines"
for machine in $machines; do
    check "SIGTERM ends it: no machine is left" sh -c "! kill -0 $machine 2>/dev/null"
done
exec 5>&-
finish
