#!/bin/sh
# SPDX-License-Identifier: MIT
#
# compile-commands.sh ARCH - compile_commands.json on standard output, from what make would do if nothing were built. The
# kernel of ARCH, its tests, and the host tests of one build, which have the model and the tests that only a host can run.
set -eu
cd "$(dirname "$0")/.."
make -nB ARCH="$1" test-kernel build/host/gcc-64/unit build/host/gcc-64/host build/host/gcc-64/explain |
    perl -e '
        my ($folder, @entries) = shift;
        while (<STDIN>) {
            next unless /((?:gcc|clang) .* -c -o (\S+) (\S+\.[cS]))$/;
            my ($command, $file) = ($1, $3);
            s/(["\\])/\\$1/g for $command, $file, $folder;
            push @entries, qq(  {"directory": "$folder", "file": "$file", "command": "$command"});
        }
        print "[\n", join(",\n", @entries), "\n]\n";
    ' "$PWD"
