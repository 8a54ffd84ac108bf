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
    for text in help frames 'zeroed ahead' usable process 'serial port 1' malloc 'Hello'; do
        contains "$ARCH: the session has '$text'" "$scratch/session" "$text"
    done
done
finish
