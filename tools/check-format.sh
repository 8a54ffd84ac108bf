#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-format.sh - names the C files that clang-format would write otherwise. Status 1 if there are any, 3 if there is no
# clang-format.
set -u
cd "$(dirname "$0")/.." || exit 1
command -v clang-format >/dev/null 2>&1 || { echo "clang-format is not installed" && exit 3; }
files()
{
    find include mm kernel user tests tools -name '*.[ch]' | sort
}

# All at once: the program's start costs more than a file does.
files | xargs -P 2 -n 100 clang-format --dry-run --Werror >/dev/null 2>&1 && exit 0
for file in $(files); do
    clang-format --dry-run --Werror "$file" >/dev/null 2>&1 || echo "$file: not as clang-format writes it"
done
exit 1
