# SPDX-License-Identifier: MIT
# Each seeded bug still applies to what is there: whether it is found is for ./quire test mutations, which takes long.
. "$(dirname "$0")/../harness/tap.sh"
cd "$root" || exit 1

outdated()
{
    for patch in tests/mutations/*.patch; do
        patch -p1 -F0 --dry-run -s -f <"$patch" >/dev/null 2>&1 || echo "$patch"
    done
}

if command -v patch >/dev/null 2>&1; then
    equal "every seeded bug applies" "$(outdated)" ''
else
    skip "every seeded bug applies" "no patch here"
fi
finish
