# SPDX-License-Identifier: MIT
# What takes long says how far it is: on a terminal, in one line that is wiped; in a pipe nothing of it.
. "$(dirname "$0")/../harness/tap.sh"

if ! command -v script >/dev/null 2>&1; then
    skip "progress" "no script(1) here"
    finish
fi

# screen: what is left to read of a terminal's output: carriage returns and wiped lines are obeyed.
screen()
{
    perl -e '
        my @lines = ("");
        my $column = 0;
        local $/;
        for my $part (split /(\r|\n|\e\[K)/, <STDIN>) {
            if ($part eq "\r") { $column = 0 }
            elsif ($part eq "\n") { push @lines, ""; $column = 0 }
            elsif ($part eq "\e[K") { $lines[-1] = substr $lines[-1], 0, $column }
            else { substr($lines[-1], $column, length $part, $part); $column += length $part }
        }
        print map { "$_\n" } grep { /\S/ } @lines;'
}

# both NAME COMMAND: in $scratch/terminal and $scratch/pipe.
both()
{
    TERM=xterm script -qec "$1" /dev/null </dev/null >"$scratch/terminal" 2>&1
    TERM=xterm sh -c "$1" </dev/null 2>&1 | cat >"$scratch/pipe"
    screen <"$scratch/terminal" >"$scratch/screen"
}

# shows NAME TEXT LEFT: on the terminal the text was seen, and LEFT is what stays; the pipe had LEFT and nothing else.
shows()
{
    contains "$1: a terminal is told" "$scratch/terminal" "$2"
    equal "$1: on a terminal this is left" "$(cat "$scratch/screen")" "$3"
    equal "$1: a pipe gets this" "$(cat "$scratch/pipe")" "$3"
    equal "$1: never more than a line of 79" "$(tr '\r' '\n' <"$scratch/terminal" | sed 's/.\[K//' | awk 'length > 79' | wc -l)" 0
}

tree=$scratch/tree
mkdir -p "$tree/build" "$tree/tools" "$tree/bench" "$scratch/bin"
cp "$root/quire" "$tree/"
cp "$root/tools/progress.sh" "$tree/tools/"

# Building: as many files as there are.
cat >"$tree/Makefile" <<'END'
kernel:
	@mkdir -p build/$(ARCH)
	gcc -c -o one.o
	gcc -c -o two.o
	gcc -c -o three.o
	@echo a warning; touch build/$(ARCH)/quire.elf build/$(ARCH)/initrd.cpio
	@exit 3
END
printf '#!/bin/sh\nexit 0\n' | tee "$scratch/bin/gcc" >"$scratch/bin/qemu-system-x86_64"
chmod +x "$scratch/bin"/*
both "env PATH=$scratch/bin:\$PATH $tree/quire run"
contains "building: how many of how many" "$scratch/terminal" 'building the x86_64 kernel: 2 of 3 files'
grep -v '^make' "$scratch/screen" >"$scratch/left" && mv "$scratch/left" "$scratch/screen"
grep -v '^make' "$scratch/pipe" | grep -v '^gcc' >"$scratch/left" && mv "$scratch/left" "$scratch/pipe"
shows "building that fails" 'building the x86_64 kernel' "$(printf 'a warning\nquire: the build failed')"

# Installing: apt's own figures; what it says else is kept for the day it fails.
cat >"$scratch/bin/apt-get" <<'END'
#!/bin/sh
echo 'Reading package lists...'
echo 'dlstatus:1:20.5:Retrieving file 1 of 5'
echo 'pmstatus:cpio:61.0:Unpacking cpio (amd64)'
END
chmod +x "$scratch/bin/apt-get"
cat >"$scratch/install" <<END
sed -n '/^missing_packages()/,/^# build TARGET/p' "$root/quire" >"$scratch/functions"
. "$root/tools/progress.sh"
complain() { printf 'quire: %s\n' "\$*" >&2; }
id() { echo 0; }
PATH=$scratch/bin:\$PATH
. "$scratch/functions"
install_packages cpio
END
both "sh $scratch/install"
contains "installing: how far" "$scratch/terminal" 'installing: 61 % (Unpacking cpio (amd64))'
shows "installing" 'installing: 20 %' 'quire: installing: cpio'

# Measuring: lines as they come.
printf 'echo first row\necho second row\nexit 4\n' >"$tree/bench/boot.sh"
both "$tree/quire bench boot; echo status \$?"
shows "measuring" 'measuring: boot, 1 lines so far' "$(printf 'first row\nsecond row\nstatus 4')"

# Where the terminal can do nothing, nothing is tried.
TERM=dumb script -qec "$tree/quire bench boot" /dev/null </dev/null | tr -d '\r' >"$scratch/dumb"
equal "a dumb terminal" "$(cat "$scratch/dumb")" "$(printf 'first row\nsecond row')"
finish
