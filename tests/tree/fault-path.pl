# SPDX-License-Identifier: MIT
#
# fault-path.pl OBJECT... - what the machine code of the fault path calls and reads, shown from a kernel's own objects.
#
# From the roots below every function that is called or jumped to is followed, as far as the given objects reach. What is
# found there prints one line each:
#
#   call FUNCTION INSTRUCTION     an indirect call, or a jump through a pointer
#   format FUNCTION SYMBOL        a reference to a format's object or to a function that takes one
#   source FILE LINE              a line that came into the path's code and reads a format out of a structure
#   function NAME OBJECT          a function of the path
#   switch FUNCTION               a jump through a table of the compiler's
#   missing NAME                  a root that no object has
#
# A switch and a jump through a pointer look alike. They are told apart by what the table holds: the compiler's tables
# stand in .rodata and each of their words points into the middle of the very function that jumps. A table of functions
# points at the beginnings of others.
use strict;
use warnings;

my @roots = qw(quire_vmm_fault quire_vmm_open_page quire_cursor_open quire_cursor_query quire_cursor_put
    quire_cursor_close);
my (%functions, %global);    # "object:name" => function; name => its key

sub lines
{
    open(my $pipe, '-|', @_) or die "$_[0]: $!\n";
    my @lines = <$pipe>;
    close($pipe) or die "@_: failed\n";
    return @lines;
}

# The words of .rodata that are relocated to a place in a text section: offset => [section, address].
sub pointers
{
    my ($object) = @_;
    my ($section, %bytes, %pointers) = ('');
    for (lines('objdump', '-s', $object)) {
        $section = $1 if /^Contents of section (\S+):/;
        next unless $section eq '.rodata' && /^ ([0-9a-f]+) ((?:[0-9a-f]{2,8} ){1,4})/;
        my ($at, $hex) = (hex $1, $2);
        $hex =~ tr/ //d;
        $bytes{$at++} = hex $_ for $hex =~ /../g;
    }
    for (lines('objdump', '-r', $object)) {
        $section = $1 if /^RELOCATION RECORDS FOR \[(\S+)\]:/;
        next unless $section eq '.rodata';
        my ($at, $kind, $symbol, $addend) = /^([0-9a-f]+) (R_\w+) +(\S+?)(?:\+0x([0-9a-f]+))?$/ or next;
        $at = hex $at;
        $addend = hex($addend // 0);
        if ($kind =~ /^R_386/) {    # the addend stands in the word
            $addend += ($bytes{$at + $_} // 0) << 8 * $_ for 0 .. 3;
        }
        $pointers{$at} = [$symbol, $addend];
    }
    return \%pointers;
}

sub read_object
{
    my ($object) = @_;
    my ($current, %names, $formats, @text);
    for (lines('objdump', '-t', $object)) {
        $formats = 1 if / format_only$/;
        my ($start, $kind, $where, $size, $name) = /^([0-9a-f]+) (.{6}F) (\.text\S*)\t([0-9a-f]+) (\S+)$/ or next;
        my $function =
            {name => $name, object => $object, section => $where, start => hex $start, size => hex $size, lines => []};
        $functions{"$object:$name"} = $names{"$where:" . hex $start} = $function;
        $global{$name} = "$object:$name" if $kind =~ /^g/;
    }
    my $section = '';
    for (lines('objdump', '-dlr', '--no-show-raw-insn', $object)) {
        $section = $1 if /^Disassembly of section (\S+):/;
        $current = $names{"$section:" . hex $1} if /^([0-9a-f]+) <.*>:$/;
        push @{$current->{lines}}, $_ if $current && m{^\s|:\d+\b};
        push @text, $_;
    }
    my %tables;
    for my $i (0 .. $#text) {
        my ($base) = table_of($text[$i], $text[$i + 1]);
        $tables{$base} = 1 if defined $base;
    }
    return {pointers => pointers($object), tables => \%tables, formats => $formats};
}

# Where in .rodata an indirect jump finds its table, and how long the table's words are; nothing if it does not.
sub table_of
{
    my ($instruction, $next) = @_;
    my ($base, $step) = $instruction =~ /jmp +\*(?:0x)?([0-9a-f]+)\(,%\w+,([48])\)/ or return;
    my ($addend) = ($next // '') =~ /^\s+[0-9a-f]+: R_\S+\s+\.rodata(?:\+0x([0-9a-f]+))?$/ or return;
    return (hex($base) + hex($addend // 0), $step);
}

sub is_switch
{
    my ($function, $object, $base, $step) = @_;
    my $at = $base;
    # One table may follow another without a gap.
    while ($object->{pointers}{$at} && ($at == $base || !$object->{tables}{$at})) {
        my ($section, $address) = @{$object->{pointers}{$at}};
        return 0
            unless $section eq $function->{section}
            && $address > $function->{start}
            && $address < $function->{start} + $function->{size};
        $at += $step;
    }
    return $at > $base;
}

my %objects = map { $_ => read_object($_) } @ARGV;
my @queue;
for (@roots) {
    if ($global{$_}) { push @queue, $global{$_} }
    else { print "missing $_\n" }
}
my (%seen, %sources, %lines);
while (my $key = shift @queue) {
    next if $seen{$key}++;
    my $function = $functions{$key};
    next if $function->{section} =~ /^\.text\.unlikely/;    # marked cold: what is told when something is wrong
    my $object = $function->{object};
    my @text = @{$function->{lines}};
    print "function $function->{name} $object\n";
    $sources{$object}++;
    for my $i (0 .. $#text) {
        $lines{$1}{$2} = 1 if $text[$i] =~ m{^\S*?((?:mm|include)/\S+):(\d+)};
        my ($instruction) = $text[$i] =~ /^\s*[0-9a-f]+:\t(\S.*)$/;
        my ($symbol) = $text[$i] =~ /^\s+[0-9a-f]+: R_\S+\s+(\S+)$/;
        if (defined $instruction && $instruction =~ /^(?:notrack )?(?:call|jmp)\w* +\*/) {
            my ($base, $step) = table_of($instruction, $text[$i + 1]);
            my $switch = defined $base && is_switch($function, $objects{$object}, $base, $step);
            print $switch ? "switch $function->{name}\n" : "call $function->{name} $instruction\n";
        } elsif (defined $instruction && $instruction =~ /^(?:call|j\w+) +[0-9a-f]+ <([^>+]+)/) {
            push @queue, "$object:$1" if $functions{"$object:$1"};
        }
        next unless defined $symbol;
        $symbol =~ s/[+-]0x[0-9a-f]+$//;
        print "format $function->{name} $symbol\n" if $symbol =~ /^quire_format_|^format_only/;
        if ($symbol =~ /^\.text/) {    # somewhere in that section: all of it
            push @queue, grep { $functions{$_}{object} eq $object && $functions{$_}{section} eq $symbol } keys %functions;
        } elsif ($functions{"$object:$symbol"} || $global{$symbol}) {
            push @queue, $functions{"$object:$symbol"} ? "$object:$symbol" : $global{$symbol};
        }
    }
}
for my $object (sort keys %sources) {
    print "format $object format_only\n" if $objects{$object}{formats};
}
for my $file (sort keys %lines) {
    open(my $source, '<', $file) or die "$file: $!\n";
    while (<$source>) {
        print "source $file $.\n" if $lines{$file}{$.} && /(?:->|\.)format\b/;
    }
}
print "missing lines\n" unless %lines;
