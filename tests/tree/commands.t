# SPDX-License-Identifier: MIT
# Every program that our scripts call is in a minimal Debian, or in a package that ./quire installs or asks for. What is on a
# developer's machine by chance is what this finds; ./quire test fresh is the proof.
. "$(dirname "$0")/../harness/tap.sh"
cd "$root" || exit 1

# What debootstrap --variant=minbase gives, Debian 12: packages and those of their programs that are of use here.
minimal='awk basename bash cat chmod chown chroot cmp comm cp cpp cut date dd debootstrap df diff dirname du echo egrep env
    expr fgrep find flock getconf getent grep gzip head hostname id install ldconfig link ln ls md5sum mkdir mkfifo mknod
    mktemp mount mv nice nl nohup nproc numfmt od paste perl printenv printf readlink realpath rev rm rmdir runuser script
    sed seq setsid sh sha256sum sleep sort split stat stty su sync tac tail tar tee test timeout touch tr true truncate
    tsort tty umount uname uniq unlink unshare useradd wc which whoami xargs yes apt-cache apt-get apt-config dpkg dpkg-query'

# What comes in which package, of those that are installed.
packaged='gcc:gcc objdump:gcc objcopy:gcc nm:gcc ar:gcc ld:gcc gcov:gcc make:make cpio:cpio
    qemu-system-x86_64:qemu-system-x86 prove:perl clang:clang clang-format:clang-format musl-gcc:musl-tools
    grub-mkrescue:grub-common xorriso:xorriso mformat:mtools xz:xz-utils bochs:bochs spin:spin qemu-i386:qemu-user
    valgrind:valgrind patch:patch debootstrap:debootstrap git:git'

# What is looked for first, and done without.
optional='clang-tidy cppcheck g++'

# shellcheck disable=SC2046 # a list of files
perl tests/tree/commands.pl quire $(find .ci tools bench tests -name '*.sh' -o -name '*.t' -o -name '*.inc' -o -path .ci/run |
    grep -v '/commands.t$') \
    >"$scratch/called"
# Called by others: grub-mkrescue by its option.
grep -rl -e '--compress=xz' tools | sed 's/^/xz\t/' >>"$scratch/called"
check "there are programs that are called" test "$(wc -l <"$scratch/called")" -gt 100

# unknown FILE: which are not known, though there is such a program here. What is no program was a word in a text.
unknown()
{
    while IFS="$(printf '\t')" read -r program file; do
        case " $(echo $minimal $optional) " in *" $program "*) continue ;; esac
        case " $(echo $packaged) " in *" $program:"*) continue ;; esac
        ! command -v "$program" >/dev/null 2>&1 || echo "$program ($file)"
    done <"$1"
}
equal "every one is in a minimal Debian, or in a package that is installed" "$(unknown "$scratch/called")" ''

for pair in $packaged; do
    package=${pair#*:}
    check "$package is installed, or asked for, by ./quire" grep -qE "(:|install_packages |[ '])$package([ );\\'\"]|\$)" quire
done

# The seed: a program that a developer has, and nobody installs.
printf 'check()\n{\n    :\n}\nif true; then\n    pgrep -P 1 | xxd >file\nfi\nx=$(lsof)\ncheck "name" timeout -k 5 7 strace x\n' >"$scratch/seed.sh"
equal "a program that nobody installs is seen" "$(perl tests/tree/commands.pl "$scratch/seed.sh" | cut -f 1 | tr '\n' ' ')" \
    'lsof pgrep strace timeout xxd '
finish
