# SPDX-License-Identifier: MIT
#
# layers.pl - the order of the library, for the scripts that hold it to that order (includes.pl, objects.pl).
use strict;
use warnings;

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

sub layer {
    my ($file) = @_;
    for my $layer (@layers) {
        return $layer->[0] if $file =~ $layer->[1];
    }
    return 'outside';
}

# May a file of LAYER use what OTHER has?
sub may_use {
    my ($layer, $other) = @_;
    return 1 if $layer eq $other;
    return 0 if $layer eq 'outside' || $other !~ /^\d$/;
    return $layer =~ /^\d$/ ? $other < $layer : $other <= 2;
}

1;
