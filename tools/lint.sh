#!/bin/sh
# SPDX-License-Identifier: MIT
#
# lint.sh - clang-tidy and cppcheck over the library and the kernel, as compile_commands.json has them.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0
if command -v clang-tidy >/dev/null 2>&1; then
    for file in $(find mm kernel -name '*.c' | sort); do
        grep -qF "\"$file\"" compile_commands.json || continue # another architecture's
        clang-tidy --quiet -p . "$file" 2>/dev/null || status=1
    done
else
    echo "SKIPPED: clang-tidy is not installed"
fi
if command -v cppcheck >/dev/null 2>&1; then
    for format in x86_32 x86_4level; do
        bits=$([ $format = x86_32 ] && echo unix32 || echo unix64)
        cppcheck --quiet --std=c11 --platform="$bits" --enable=warning,performance,portability --error-exitcode=1 \
            --inline-suppr --suppress=missingIncludeSystem -DQUIRE_FORMAT=$format -Iinclude -Imm mm || status=1
    done
else
    echo "SKIPPED: cppcheck is not installed"
fi
exit $status
