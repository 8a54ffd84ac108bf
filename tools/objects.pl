#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# objects.pl [--order] FOLDER - what object code says of the order of things: who calls whom, by nm.
#
# FOLDER holds the objects of mm/ and kernel/. Those whose source is gone are not looked at. Named are:
#
#   - a circle of files of mm/, each of which needs the next;
#   - a file of mm/ that needs what lies above its layer, or beside it;
#   - a symbol of mm/ that others can see and that does not begin with quire_: in a host kernel it could meet another;
#   - a circle of folders of kernel/.
#
# --order: prints the files of mm/ instead, each after all that it needs. Run from the root.
use strict;
use warnings;
require './tools/layers.pl';

my $order = @ARGV && $ARGV[0] eq '--order' ? shift @ARGV : '';
my $build = shift @ARGV // die "usage: objects.pl [--order] FOLDER\n";

# The sources, by the path of their object.
my %source;
for my $path (split /\0/, `find mm kernel -name '*.[cS]' -print0 2>/dev/null`) {
    my $object = "$build/" . $path =~ s/\.[cS]$/.o/r;
    $source{$object} = $path if -e $object;
}
my @objects = sort keys %source or die "objects.pl: no objects in $build\n";

my (%defined_by, %needs_symbol);
open my $nm, '-|', 'nm', '-A', '-g', @objects or die "objects.pl: nm: $!\n";
while (<$nm>) {
    my ($object, $type, $symbol) = /^(.*?):[0-9a-f ]* ([A-Za-z]) (\S+)$/ or next;
    my $file = $source{$object};
    if ($type eq 'U') {
        push @{$needs_symbol{$file}}, $symbol;
    } else {
        $defined_by{$symbol} = $file;
        print "$file: $symbol is seen by all and does not begin with quire_\n"
            if !$order && $file =~ m{^mm/} && $symbol !~ /^quire_/;
    }
}
close $nm or die "objects.pl: nm failed\n";

# folder FILE: of kernel/; all machines' are one. Empty: it stands in none.
sub folder {
    my ($file) = @_;
    return $file =~ m{^kernel/([^/]+)/} ? "kernel/$1" : '';
}

my (%files, %folders);
for my $file (sort keys %needs_symbol) {
    for my $symbol (@{$needs_symbol{$file}}) {
        my $other = $defined_by{$symbol} // next;
        my ($folder, $of) = (folder($file), folder($other));
        if ($file =~ m{^mm/} && $other =~ m{^mm/}) {
            $files{$file}{$other} //= "$symbol of $other";
            print "$file: must not need $symbol of $other\n" if !$order && !may_use(layer($file), layer($other));
        } elsif ($folder && $of && $folder ne $of) {
            $folders{$folder}{$of} //= "$symbol of $other (in $file)";
        }
    }
}

# Depth first, so that each node is finished after all that it needs. Returns them so, and the circles that were met.
sub sorted {
    my ($graph, @nodes) = @_;
    my (%state, @path, @finished, @circles);
    my $visit;
    $visit = sub {
        my ($node) = @_;
        $state{$node} = 'open';
        push @path, $node;
        for my $next (sort keys %{$graph->{$node} // {}}) {
            $visit->($next) if !$state{$next};
            next if $state{$next} ne 'open';
            my @circle = @path;
            shift @circle while $circle[0] ne $next;
            push @circles, [@circle, $next];
        }
        pop @path;
        $state{$node} = 'finished';
        push @finished, $node;
    };
    for my $node (@nodes) {
        $visit->($node) if !$state{$node};
    }
    return (\@finished, \@circles);
}

sub say_circles {
    my ($graph, $circles) = @_;
    for my $circle (@$circles) {
        my @needs = map { "$circle->[$_] needs $graph->{$circle->[$_]}{$circle->[$_ + 1]}" } 0 .. $#$circle - 1;
        print "$circle->[0]: a circle: ", join('; ', @needs), "\n";
    }
}

my ($finished, $circles) = sorted(\%files, grep { m{^mm/} } map { $source{$_} } @objects);
if ($order) {
    print "$_\n" for @$finished;
    exit;
}
say_circles(\%files, $circles);
(undef, $circles) = sorted(\%folders, sort keys %folders);
say_circles(\%folders, $circles);
