#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# documents.pl commands FILE - the commands in a document, as a reader would type them: one a line, "line number, tab,
#     command". A command stands in a block of code, or between `backquotes` in the text. What follows it after two blanks
#     or more is a description.
# documents.pl blocks FILE - the blocks of code that hold more than commands: "line number, tab, first line".
# documents.pl block FILE LINE - the block that begins at this line, without its indentation.
# documents.pl c FILE - every block of C, one after the other.
#
# A block is indented by four blanks, or stands between lines of three backquotes, where a language may be named.
use strict;
use warnings;

my ($what, $file, $wanted) = @ARGV;
open my $document, '<', $file or die "$file: $!\n";
my @lines = <$document>;
chomp @lines;

# What a command begins with, after the assignments to variables.
my $command = qr{^(?:[A-Z_]+=\S+\ )*(?:\./quire|gcc|sh|make|git|apt-get|sudo|build/\S+|qemu-system-\S+|\(qemu\))(?=\ |$)};

# Each block: the number of its first line, its language, its lines.
sub blocks
{
    my (@blocks, $block, $fence);
    for my $i (0 .. $#lines) {
        my $line = $lines[$i];
        if (defined $fence) {
            if ($line =~ /^```\s*$/) { $fence = undef; $block = undef; next }
            push @blocks, $block = [$i + 1, $fence] unless $block;
            push @$block, $line;
        } elsif ($line =~ /^```(\w*)\s*$/) {
            ($fence, $block) = ($1, undef);
        } elsif ($line =~ /^    / && ($block || $i == 0 || $lines[$i - 1] eq '')) {
            push @blocks, $block = [$i + 1, ''] unless $block;
            push @$block, substr $line, 4;
        } elsif ($line eq '' && $block && ($lines[$i + 1] // '') =~ /^    /) {
            push @$block, '';
        } else {
            $block = undef;
        }
    }
    return @blocks;
}

sub print_commands
{
    my %in_block;
    for my $block (blocks()) {
        my ($first, undef, @text) = @$block;
        for my $i (0 .. $#text) {
            $in_block{$first + $i} = 1;
            my $line = $text[$i] =~ s/(?<=\S) {2,}.*//r;
            print $first + $i, "\t$line\n" if $line =~ $command;
        }
    }
    for my $i (grep { !$in_block{$_ + 1} } 0 .. $#lines) {
        while ($lines[$i] =~ /`([^`]+)`/g) {
            my $text = $1;
            print $i + 1, "\t$text\n" if $text =~ $command && $text =~ / /;
        }
    }
}

if ($what eq 'commands') {
    print_commands();
} elsif ($what eq 'blocks') {
    for my $block (blocks()) {
        my ($first, $language, @text) = @$block;
        my ($other) = grep { $_ ne '' && !/$command/ } @text;
        print "$first\t$text[0]\n" if $language ne 'c' && defined $other;
    }
} elsif ($what eq 'block') {
    print map { "$_\n" } map { my ($first, $language, @text) = @$_; @text } grep { $_->[0] == $wanted } blocks();
} elsif ($what eq 'c') {
    print map { "$_\n" } map { my ($first, $language, @text) = @$_; @text } grep { $_->[1] eq 'c' } blocks();
} else {
    die "documents.pl: commands, blocks, block or c\n";
}
