#!/bin/sh
# SPDX-License-Identifier: MIT
#
# warm-fault.sh FORMAT FOLDER - what a write fault goes through whose neighbours have been touched, counted from a trace.
#
# bench/paging's program is built as a kernel builds the library, for one format and one CPU, and valgrind writes down each
# instruction of one fault. From their addresses and the compiler's notes (what was inlined where) come, in FOLDER/fault.path,
# what ran, and on the output:
#
#   entered N       functions that were called
#   inlined N       functions that ran inside others
#   lines N         lines of source that ran
#   instructions N  without the clearing of the frame
#   words read N written N   of tables
#
# All of mm/ and include/ alone: what the host supplies is not counted. The last line is a second program's, which stops
# before each access to a word of a table.
set -eu
format=$1
work=$2
cd "$(dirname "$0")/../.."
compile()
{
    gcc -std=c11 -Wall -Wextra -Werror -O2 -g -no-pie -ffreestanding -DQUIRE_HOST -DQUIRE_FORMAT="$format" -DQUIRE_EVENTS=0 \
        -DQUIRE_PORT_CPU=0 -DQUIRE_PORT_DIRECT_MAP=0x200000000000 -Iinclude -iquote mm "$@" bench/paging/bench.c mm/vmm/*.c \
        mm/paging/*/*.c mm/explain/*.c mm/pmm/*.c mm/*.c mm/cpu/*.c
}
compile -o "$work/fault"
compile -DQUIRE_PAGING_STEPS -o "$work/steps"
valgrind --tool=callgrind --dump-instr=yes --compress-pos=no --compress-strings=no --toggle-collect=warm_fault \
    --callgrind-out-file="$work/trace" "$work/fault" fault 24 1 >"$work/log" 2>&1
perl -e '
    my ($work) = @ARGV;
    my (%cost, $is_call);
    open my $trace, "<", "$work/trace" or die;
    while (<$trace>) {
        $is_call = 1, next if /^calls=/;
        next unless /^0x([0-9a-f]+) \S+ (\d+)/;
        $cost{$1} += $2 unless $is_call;
        $is_call = 0;
    }
    open my $list, ">", "$work/addresses" or die;
    print $list map { "0x$_\n" } sort keys %cost;
    close $list;
    my (%entered, %inlined, %lines, $instructions, @stack, $address);
    my $finish = sub {
        return unless @stack && $stack[0][1] =~ m{^(?:mm|include)/};
        $instructions += $cost{$address} unless $stack[0][0] eq "quire_pmm_zero";
        my $outmost = pop @stack;
        $entered{$outmost->[0]} = 1;
        $inlined{$_->[0]} = 1 for @stack;
        $lines{$_->[1]} = 1 for @stack, $outmost;
    };
    my $function;
    for (`addr2line -a -f -i -e $work/fault <$work/addresses`) {
        chomp;
        if (/^0x0*([0-9a-f]+)$/) { $finish->(); @stack = (); $address = $1; undef $function }
        elsif (!defined $function) { $function = $_ }
        else { push @stack, [$function, s{ \(.*}{}r =~ s{^.*/((?:mm|include/quire|bench)/)}{$1}r]; undef $function }
    }
    $finish->();
    open my $path, ">", "$work/fault.path" or die;
    print $path map({ "entered $_\n" } sort keys %entered), map({ "inlined $_\n" } sort keys %inlined),
        map({ "line $_\n" } sort keys %lines);
    printf "entered %d\ninlined %d\nlines %d\ninstructions %d\n", scalar keys %entered, scalar keys %inlined,
        scalar keys %lines, $instructions;
' "$work"
"$work/steps" fault 24 1
