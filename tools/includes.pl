#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# includes.pl - names each file of the library that includes what lies above its layer, or beside it. Run from the root.
use strict;
use warnings;
use File::Find;

# The layer of a public header or of a file in mm/: the first pattern that fits. The heap and segmentation stand beside the
# stack, on its lowest two.
my @layers = (
    [0, qr{^include/quire/types\.h$|^mm/string\.h$|^mm/cpu/}],
    [1, qr{^include/quire/port\.h$}],
    [3, qr{^include/quire/memory_map\.h$|^mm/pmm/memory_map}],
    [4, qr{^include/quire/pmm\.h$|^mm/pmm/}],
    [5, qr{^include/quire/(page|paging|explain)\.h$|^mm/paging/format/}],
    [6, qr{^mm/explain/}],
    [7, qr{^mm/paging/tree/}],
    [8, qr{^mm/paging/cursor/}],
    [9, qr{^include/quire/vmm\.h$|^mm/vmm/}],
    ['heap', qr{^include/quire/heap\.h$|^mm/heap/}],
    ['segmentation', qr{^include/quire/(segmentation|arena|io)\.h$|^mm/segmentation/}],
    [2, qr{^include/quire/event\.h$|^mm/}],
);
my %freestanding = map { $_ => 1 } qw(stdint.h stddef.h stdbool.h stdarg.h limits.h);

sub layer {
    my ($file) = @_;
    for my $layer (@layers) {
        return $layer->[0] if $file =~ $layer->[1];
    }
    return 'outside';
}

sub may_include {
    my ($layer, $other) = @_;
    return 1 if $layer eq $other;
    return 0 if $layer eq 'outside' || $other !~ /^\d$/;
    return $layer =~ /^\d$/ ? $other < $layer : $other <= 2;
}

# The path from the root of what FILE includes by this name; undef: a header of every freestanding compiler.
sub included {
    my ($file, $bracket, $name) = @_;
    if ($bracket eq '<') {
        return undef if $freestanding{$name};
        return $name =~ m{^quire/} ? "include/$name" : "system:$name";
    }
    for my $folder ($file =~ s{/[^/]*$}{}r, 'mm') {
        my $path = "$folder/$name";
        next unless -e $path;
        1 while $path =~ s{[^/]+/\.\./}{};
        return $path;
    }
    return "missing:$name";
}

my @files;
find({no_chdir => 1, wanted => sub { push @files, $_ if /\.[ch]$/ && !m{/quire\.h$} }}, 'mm', 'include');
for my $file (sort @files) {
    open my $lines, '<', $file or die "$file: $!\n";
    while (<$lines>) {
        next unless /^ *# *include *([<"])([^>"]*)[>"]/;
        my $other = included($file, $1, $2) // next;
        print "$file: must not include $other\n" unless may_include(layer($file), layer($other));
    }
}
