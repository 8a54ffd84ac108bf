# SPDX-License-Identifier: MIT
#
# pack.pl FOLDER - makes the seeds of the fuzz targets: every text tests/fuzz/corpus/TARGET/NAME becomes FOLDER/TARGET/NAME.
#
# A seed is written in words, so that one can see what it is for and change it:
#
#     00 7f           bytes, in hexadecimal
#     "ELF"           characters
#     2:0x3e          a little-endian number of 1, 2, 4 or 8 bytes
#     @64             zeros up to this offset
#     each 00 01      as many seeds, beginning with one of these bytes each: FOLDER/TARGET/NAME-00, NAME-01
#     # ...           a comment to the end of the line; the first says what the seed is for
use strict;
use warnings;
no warnings 'portable'; # numbers have 64 bits
use File::Basename qw(dirname basename);
use File::Path qw(make_path);

my ($folder) = @ARGV;
defined $folder or die "usage: pack.pl FOLDER\n";

sub number
{
    my ($size, $value) = @_;
    my $wide = $value =~ /^0x/ ? hex($value) : $value;
    return substr(pack('q<', $wide), 0, $size);
}

# The bytes that one text stands for, and the first bytes it is wanted with.
sub parse
{
    my ($path) = @_;
    my ($bytes, @first) = ('');
    open(my $text, '<', $path) or die "$path: $!\n";
    while (my $line = <$text>) {
        die "$path: does not say what it is for\n" if $. == 1 && $line !~ /^# \S/;
        if ($line =~ /^each((?: [0-9a-f]{2})+)\s*$/) {
            push @first, map { pack('H2', $_) } split ' ', $1;
            next;
        }
        for ($line) {
            /\G[ \n]+/gc && redo;
            /\G#.*/gc && redo;
            /\G"([^"]*)"/gc && do { $bytes .= $1; redo };
            /\G@(\d+)/gc && do { $1 >= length $bytes or die "$path:$.: past offset $1\n"; $bytes .= "\0" x ($1 - length $bytes); redo };
            /\G([1248]):(0x[0-9a-f]+|-?\d+)/gc && do { $bytes .= number($1, $2); redo };
            /\G([0-9a-f]{2})\b/gc && do { $bytes .= pack('H2', $1); redo };
            /\G./gc and die "$path:$.: not understood: $line";
        }
    }
    return ($bytes, @first);
}

sub put
{
    my ($path, $bytes) = @_;
    open(my $out, '>:raw', $path) or die "$path: $!\n";
    print $out $bytes;
    close($out) or die "$path: $!\n";
}

for my $path (sort glob(dirname($0) . '/*/*')) {
    my $target = "$folder/" . basename(dirname($path));
    my ($bytes, @first) = parse($path);
    make_path($target);
    put("$target/" . basename($path), $bytes) unless @first;
    put(sprintf('%s/%s-%02x', $target, basename($path), ord), $_ . $bytes) for @first;
}
