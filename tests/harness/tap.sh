# SPDX-License-Identifier: MIT
#
# tap.sh - TAP from a POSIX shell; to be read with "." by tests in shell. The plan comes at the end, so that a test that
# died on the way has none, which prove counts as a failure.

root=$(cd "$(dirname "$0")/../.." && pwd)
quire=$root/quire
scratch=$(mktemp -d /tmp/quire-test.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
tests=0
failed=0

# result STATUS NAME
result()
{
    tests=$((tests + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tests - $2"
    else
        echo "not ok $tests - $2"
        failed=$((failed + 1))
    fi
}

# check NAME COMMAND...: the command succeeds.
check()
{
    name=$1
    shift
    "$@" >"$scratch/check" 2>&1
    outcome=$?
    result $outcome "$name"
    [ $outcome -eq 0 ] || sed 's/^/# /' "$scratch/check" | tail -n 20
}

# equal NAME ACTUAL EXPECTED: two strings are the same.
equal()
{
    [ "$2" = "$3" ]
    result $? "$1"
    [ "$2" = "$3" ] || printf '%s\n' "actual:   $2" "expected: $3" | sed 's/^/# /'
}

# contains NAME FILE TEXT: a line of the file contains the text.
contains()
{
    grep -qF -e "$3" "$2"
    outcome=$?
    result $outcome "$1"
    [ $outcome -eq 0 ] || { echo "# no line with '$3'; the end of it is:" && tail -n 10 "$2" | sed 's/^/#   /'; }
}

# build MAKE-ARGUMENTS...: under the lock that ./quire takes, since two tests run at a time.
build()
{
    mkdir -p "$root/build" && flock "$root/build/lock" make -s -C "$root" "$@"
}

# skip NAME REASON
skip()
{
    tests=$((tests + 1))
    echo "ok $tests - $1 # SKIP $2"
}

finish()
{
    echo "1..$tests"
    [ $failed -eq 0 ]
    exit
}

# machine ARGUMENTS...: "quire run" with a time limit and no terminal; output in $scratch/out and $scratch/err, status in
# $status.
machine()
{
    timeout -k 10 "${LIMIT:-120}" "$quire" run "$@" </dev/null >"$scratch/out" 2>"$scratch/err"
    status=$?
    if [ $status -eq 124 ]; then
        echo "# the time limit of ${LIMIT:-120} seconds ended: quire run $*"
    fi
}

# can_run COMPILER FLAGS...: and does it run here? A 64-bit Linux may have been built without 32-bit programs.
can_run()
{
    can_compile "$@" && "$scratch/probe" 2>/dev/null
}

# can_compile COMPILER FLAGS...: does a static program for Linux come out of it?
can_compile()
{
    command -v "$1" >/dev/null 2>&1 || return 1
    echo 'int main(void) { return 0; }' | "$@" -static -x c -o "$scratch/probe" - 2>/dev/null
}
