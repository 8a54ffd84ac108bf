# SPDX-License-Identifier: MIT
# The event stream: whole records, every layer in it, and text from it.
. "$(dirname "$0")/../harness/tap.sh"

for ARCH in i386 i386pae x86_64; do
    export ARCH
    machine --events "$scratch/events"
    equal "$ARCH: exit status" "$status" 0
    equal "$ARCH: whole records of 64 bytes" "$(($(wc -c <"$scratch/events") % 64))" 0
    check "$ARCH: decoding" "$quire" events "$scratch/events"
    "$quire" events "$scratch/events" >"$scratch/text"
    for kind in frame-alloc frame-free entry reserve fault-done heap-alloc heap-free syscall trap space-destroy; do
        contains "$ARCH: the stream has $kind" "$scratch/text" " $kind "
    done
    equal "$ARCH: no kind is unknown" "$(grep -c unknown "$scratch/text")" 0
done
head -c 100 "$scratch/events" >"$scratch/cut"
"$quire" events "$scratch/cut" >/dev/null 2>&1
check "a stream that was cut off is reported" test $? -ne 0
finish
