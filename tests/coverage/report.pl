# SPDX-License-Identifier: MIT
#
# report.pl JUSTIFICATIONS DIRECTORY - lines and branches of mm/ that the coverage build has run, from what gcov says of
# each object under DIRECTORY. Counts of one source are summed over the objects it went into (headers are in many).
#
# Prints a table as TAP comments, then the lines nobody ran, then one result each for mm/paging and mm/pmm: `ok` from 95 %
# of lines. In both each line must be run or justified besides. JUSTIFICATIONS says why lines need not be run:
# "FILE<tab>TEXT<tab>WHY", the text being a part of the line, and perhaps of the end of the line
# before it and one space, so that it moves with it. They are shown apart and count as
# not run.
use strict;
use warnings;
use JSON::PP;

my ($justifications, $directory) = @ARGV;
my $wanted = 95;
my (%lines, %branches);

# The PMM is compiled into some tests once more, to stop it at every step: what runs there has been run.
open(my $find, '-|', 'find', $directory, '-name', '*.gcda', '(', '-path', '*/mm/*', '-o', '-path', '*/tests/*/pmm/*', ')') or die "find: $!\n";
chomp(my @data = <$find>);
close($find);
@data or die "no counts in $directory\n";
open(my $gcov, '-|', 'gcov', '--stdout', '--json-format', '--branch-probabilities', @data) or die "gcov: $!\n";
while (my $line_of_json = <$gcov>) {
    my $object = decode_json($line_of_json);
    my $is_the_library = $object->{data_file} !~ m{/tests/};
    for my $file (@{$object->{files}}) {
        my $name = $file->{file};
        next unless $name =~ m{^mm/};
        for my $line (@{$file->{lines}}) {
            my $at = $line->{line_number};
            $lines{$name}{$at} += $line->{count};
            next unless $is_the_library; # its ways are other ones elsewhere
            my $index = 0;
            $branches{$name}{"$at:" . $index++} += $_->{count} for @{$line->{branches}};
        }
    }
}
close($gcov) or die "gcov failed\n";

my %why;
open(my $reasons, '<', $justifications) or die "$justifications: $!\n";
while (<$reasons>) {
    chomp;
    next if /^#/ || /^$/;
    my ($file, $text, $reason) = split /\t+/;
    defined $reason or die "$justifications:$.: three fields\n";
    push @{$why{$file}}, {text => $text, reason => $reason};
}

sub percent
{
    my ($some, $all) = @_;
    return $all ? sprintf('%.1f', 100 * $some / $all) : '-';
}

sub ran
{
    my ($counts) = @_;
    return scalar grep { $_ > 0 } values %$counts;
}

# Whether a text is part of a line; it may begin in the line before.
sub stands_at
{
    my ($text, @two) = @_;
    s/^\s+|\s+$//g for $text, @two;
    my $place = rindex("@two", $text);
    return $place >= 0 && $place + length($text) > length($two[0]) + 1;
}

my (%layer, @open, @closed);
printf "# %-36s %6s %6s %8s   %6s %6s %8s\n", 'file', 'lines', 'run', '%', 'ways', 'taken', '%';
for my $name (sort keys %lines) {
    my ($all, $run) = (scalar keys %{$lines{$name}}, ran($lines{$name}));
    my ($ways, $taken) = (scalar keys %{$branches{$name}}, ran($branches{$name}));
    printf "# %-36s %6u %6u %8s   %6u %6u %8s\n", $name, $all, $run, percent($run, $all), $ways, $taken,
        percent($taken, $ways);
    (my $folder = $name) =~ s{^(mm/[^/]+)/.*}{$1};
    my $sum = $layer{$folder} //= [0, 0, 0, 0];
    $sum->[0] += $all;
    $sum->[1] += $run;
    $sum->[2] += $ways;
    $sum->[3] += $taken;
    next unless $run < $all;
    open(my $source, '<', $name) or die "$name: $!\n";
    chomp(my @text = ('', <$source>));
    for my $at (sort { $a <=> $b } grep { !$lines{$name}{$_} } keys %{$lines{$name}}) {
        my ($match) = grep { stands_at($_->{text}, @text[$at - 1, $at]) } @{$why{$name}};
        $match->{used} = 1 if $match;
        $match ? push @closed, "$name:$at: $match->{reason}" : push @open, "$name:$at:$text[$at]";
    }
}
print "#\n";
for my $folder (sort keys %layer) {
    my ($all, $run, $ways, $taken) = @{$layer{$folder}};
    printf "# %-36s %6u %6u %8s   %6u %6u %8s\n", $folder, $all, $run, percent($run, $all), $ways, $taken,
        percent($taken, $ways);
}
print "#\n# not run, and why that is right:\n", map { "#   $_\n" } @closed;
for my $folder (sort keys %layer) {
    my @lines = grep { m{^\Q$folder\E/} || $_ =~ m{^\Q$folder\E:} } @open;
    print "#\n# not run, and nobody has said why, in $folder:\n", map { "#   $_\n" } @lines if @lines;
}

my $tests = 0;
sub result
{
    my ($good, $name) = @_;
    $tests++;
    print $good ? "ok $tests - $name\n" : "not ok $tests - $name\n";
    return $good;
}
my $good = 1;
for my $folder ('mm/paging', 'mm/pmm') {
    my ($all, $run) = @{$layer{$folder} // [0, 0]};
    $good &= result($all && 100 * $run >= $wanted * $all, "$folder: " . percent($run, $all) . " % of lines, $wanted wanted");
}
for my $folder ('mm/paging', 'mm/pmm') {
    my @due = grep { m{^$folder/} } @open;
    $good &= result(!@due, "$folder: every line is run, or said why not (" . @due . ' are neither)');
}
my @idle = map { my $file = $_; map { "$file: $_->{text}" } grep { !$_->{used} } @{$why{$file}} } sort keys %why;
print map { "# needs no justification any more: $_\n" } @idle;
printf "# of the lines not run, justified: %u, not justified: %u (of mm/paging and mm/pmm: %u)\n", scalar @closed,
    scalar @open, scalar grep { m{^mm/(?:paging|pmm)/} } @open;
print "1..$tests\n";
exit !$good;
