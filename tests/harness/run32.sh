# SPDX-License-Identifier: MIT
#
# run32.sh - how 32-bit programs of the host are run; to be read with ".". A 64-bit Linux kernel may have been built without
# the means to run them (CONFIG_IA32_EMULATION); then qemu-i386 of Debian's qemu-user does it. It cannot run
# AddressSanitizer, whose shadow memory it has no room for.

# builds_32: gcc makes 32-bit programs here.
builds_32()
{
    echo 'int main(void) { return 0; }' | gcc -m32 -x c -o /dev/null - 2>/dev/null
}

# runs_32: this kernel runs them.
runs_32()
{
    program=$(mktemp) || return 1
    echo 'int main(void) { return 0; }' | gcc -m32 -x c -o "$program" - 2>/dev/null && "$program" 2>/dev/null
    ran=$?
    rm -f "$program"
    return $ran
}

# emulator_32: what to put before them, nothing if they run as they are. False: they cannot be run at all.
emulator_32()
{
    runs_32 && return
    command -v qemu-i386 >/dev/null 2>&1 && echo qemu-i386
}
