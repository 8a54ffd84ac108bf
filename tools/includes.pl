#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# includes.pl - names each file of the library that includes what lies above its layer, or beside it, or another folder's
# private header instead of the one that is called after the folder. Run from the root.
use strict;
use warnings;
use File::Find;

require './tools/layers.pl';

my %freestanding = map { $_ => 1 } qw(stdint.h stddef.h stdbool.h stdarg.h limits.h);

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

# The one header by which others know a folder of mm/. Where the public one has the folder's name, the plan has another.
sub door {
    my ($folder) = @_;
    return $folder eq 'mm/vmm' ? 'mm/vmm/space.h' : "$folder/" . $folder =~ s{.*/}{}r . '.h';
}

# A header stands behind its folder's door: it is the door, or what the door includes, or what files beside it share.
sub misplaced {
    my ($file, $other) = @_;
    my $folder = $other =~ s{/[^/]*$}{}r;
    return 0 if $other !~ m{^mm/.*/} || $file =~ m{^\Q$folder\E/} || $other eq door($folder);
    return 1;
}

my @files;
find({no_chdir => 1, wanted => sub { push @files, $_ if /\.[ch]$/ && !m{/quire\.h$} }}, 'mm', 'include');
for my $file (sort @files) {
    print "$file: a private header is called after its folder\n" if $file =~ m{/inside\.h$};
    my $folder = $file =~ s{/[^/]*$}{}r;
    print "$file: its folder has no header of its own name\n" if $file =~ m{^mm/.*/.*\.h$} && !-e door($folder);
    open my $lines, '<', $file or die "$file: $!\n";
    while (<$lines>) {
        next unless /^ *# *include *([<"])([^>"]*)[>"]/;
        my $other = included($file, $1, $2) // next;
        print "$file: must not include $other\n" unless may_use(layer($file), layer($other));
        print "$file: must not include $other, but " . door($other =~ s{/[^/]*$}{}r) . "\n" if misplaced($file, $other);
    }
}
