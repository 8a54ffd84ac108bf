#!/bin/sh
# SPDX-License-Identifier: MIT
#
# in-kernel.sh ARCH - runs the unit tests inside the kernel and passes on their TAP. What the kernel prints before its first
# test is cut off. Fails, whatever the lines say, when the machine did not end as it should or took too long; prove sees to
# the plan.
set -u
quire=$(cd "$(dirname "$0")/../.." && pwd)/quire
answer=$(mktemp /tmp/quire-test.XXXXXX)
trap 'rm -f "$answer"' EXIT

ARCH=$1 timeout -k 10 600 "$quire" run --tests all --ports 0x300-0x33f ${QUIRE_TEST_EFFORT:+--word "effort=$QUIRE_TEST_EFFORT"} \
    </dev/null >"$answer"
status=$?
sed -n '/^TAP version/,$p' "$answer"
[ -s "$answer" ] || echo "# the kernel said nothing"
exit $status
