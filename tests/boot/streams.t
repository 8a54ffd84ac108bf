# SPDX-License-Identifier: MIT
# What a program writes arrives on our standard output and error, whatever those are.
. "$(dirname "$0")/../harness/tap.sh"

if ! can_compile gcc -m64; then
    skip "streams" "no static C library here"
    finish
fi
speak=$scratch/speak
gcc -O1 -static -o "$speak" "$(dirname "$0")/programs/speak.c" || exit 1
"$speak" turns >"$scratch/expected-out" 2>"$scratch/expected-err"
"$speak" turns >"$scratch/expected-both" 2>&1

machine "$speak" turns
check "output and error are kept apart: output" cmp "$scratch/out" "$scratch/expected-out"
check "output and error are kept apart: error" cmp "$scratch/err" "$scratch/expected-err"

"$quire" run "$speak" turns </dev/null >"$scratch/both" 2>&1
check "as one file they keep their order" cmp "$scratch/both" "$scratch/expected-both"

"$quire" run "$speak" turns </dev/null 2>&1 | cat >"$scratch/both"
check "as one pipe they keep their order" cmp "$scratch/both" "$scratch/expected-both"

{ echo before && "$quire" run "$speak" turns </dev/null 2>/dev/null && echo after; } >"$scratch/shared"
{ echo before && cat "$scratch/expected-out" && echo after; } >"$scratch/expected-shared"
check "in a file that others write to, it takes its turn" cmp "$scratch/shared" "$scratch/expected-shared"

echo before >"$scratch/appended"
"$quire" run "$speak" turns </dev/null 2>/dev/null >>"$scratch/appended"
{ echo before && cat "$scratch/expected-out"; } >"$scratch/expected-appended"
check "a file opened for appending is appended to" cmp "$scratch/appended" "$scratch/expected-appended"

"$speak" flood >"$scratch/expected-flood"
"$quire" run "$speak" flood </dev/null | { sleep 1 && cat; } >"$scratch/flood"
check "a slow reader gets everything" cmp "$scratch/flood" "$scratch/expected-flood"
{ timeout -k 10 60 "$quire" run "$speak" flood </dev/null && echo 0 >"$scratch/ended" || echo $? >"$scratch/ended"; } |
    head -n 1 >"$scratch/first"
contains "a reader that leaves ends the program, as SIGPIPE would" "$scratch/ended" 141

check "output may go nowhere" sh -c '"$1" run "$2" turns </dev/null >/dev/null 2>&1' - "$quire" "$speak"

if command -v script >/dev/null 2>&1; then
    script -qec "$quire run $speak turns 2>/dev/null" /dev/null </dev/null | tr -d '\r' >"$scratch/terminal"
    check "output may be a terminal" cmp "$scratch/terminal" "$scratch/expected-out"
else
    skip "output may be a terminal" "no script(1) here"
fi

mkdir -p "$scratch/tree/data"
echo 'from the host' >"$scratch/tree/data/note"
machine --root "$scratch/tree" "$speak" file /data/note
equal "--root puts files into the kernel's root: status" "$status" 0
check "--root puts files into the kernel's root: content" cmp "$scratch/out" "$scratch/tree/data/note"
machine --root "$scratch/tree" "$speak" file /data/nothing
equal "what is not there is not found" "$status" 1
finish
