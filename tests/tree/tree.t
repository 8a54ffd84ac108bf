# SPDX-License-Identifier: MIT
# Rules of the tree.
. "$(dirname "$0")/../harness/tap.sh"
cd "$root" || exit 1

check "includes obey the order of the layers" "$root/tools/check-tree.sh" includes
check "object code obeys it, without circles: x86_64" env ARCH=x86_64 "$root/tools/check-tree.sh" objects
check "object code obeys it, without circles: i386pae" env ARCH=i386pae "$root/tools/check-tree.sh" objects
check "no file is too long" "$root/tools/check-tree.sh" lengths
check "no function is too long" "$root/tools/check-tree.sh" functions
check "every source begins with its licence, every header is guarded" "$root/tools/check-tree.sh" headers
check "white space" "$root/tools/check-tree.sh" whitespace
check "no word that promises instead of doing" "$root/tools/check-tree.sh" words
check "events have the same names everywhere" "$root/tools/check-tree.sh" names
check "files that comments and documents speak of are there" "$root/tools/check-tree.sh" mentions
if command -v clang-format >/dev/null 2>&1; then
    check "C is as clang-format writes it" "$root/tools/check-format.sh"
else
    skip "C is as clang-format writes it" "no clang-format here"
fi
for script in quire .ci/run tools/*.sh tests/run.sh bench/*.sh; do
    sh -n "$script" || result 1 "$script: not a shell script"
done
result 0 "shell scripts can be parsed"
check "make help" build help
finish
