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
machines=$(awk -v parent="$(cat "$scratch/pid")" '{ sub(/.*\) /, "") } $2 == parent { split(FILENAME, part, "/"); print part[3] }' \
    /proc/[0-9]*/stat 2>/dev/null)
kill -TERM "$(cat "$scratch/pid")"
wait $terminal
equal "SIGTERM ends it: status" $? 143
check "SIGTERM ends it: there was a machine" test -n "$machines"
for machine in $machines; do
    check "SIGTERM ends it: no machine is left" sh -c "! kill -0 $machine 2>/dev/null"
done
exec 5>&-
finish
