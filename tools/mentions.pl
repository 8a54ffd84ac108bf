#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# mentions.pl - names each file that a comment or a document speaks of and that is not there. Run from the root.
#
# A name may leave out the folders above it. What other projects have, what stands for any name, and what is yet to be written
# by the reader is passed over.
use strict;
use warnings;
use File::Find;

my (%known, @texts);
find({no_chdir => 1, wanted => sub {
    my $path = $_ =~ s{^\./}{}r;
    $File::Find::prune = 1, return if $path =~ m{^(\.git|build)$};
    return unless -f;
    my @parts = split m{/}, $path;
    $known{join '/', @parts[$_ .. $#parts]} = 1 for 0 .. $#parts;
    push @texts, $path if $path =~ /\.(c|h|S|md|pml)$/;
}}, '.');

my $foreign = qr{^(asm|fs|linux|sys)/|^(std\w+|limits|string)\.h$|NAME\.|^(hello|code|pan)\.c$};
for my $text (sort @texts) {
    open my $lines, '<', $text or die "$text: $!\n";
    my $in_comment = $text =~ /\.md$/;
    while (<$lines>) {
        my $said = $text =~ /\.md$/ ? $_ : '';
        if ($said eq '') {
            my $rest = $_;
            while ($rest =~ s{^(.*?)(/\*|\*/)}{}) {
                $said .= $1 if $in_comment;
                $in_comment = $2 eq '/*';
            }
            $said .= $rest if $in_comment;
        }
        while ($said =~ m{(?<![\w/.<-])((?:[\w.-]+/)*[\w-]+\.(?:c|h|S|pl|t|sh|pml))\b(?![\w(])}g) {
            my $name = $1;
            next if $known{$name =~ s{^(\.\.?/)+}{}r} || $name =~ $foreign;
            print "$text:$.: there is no $name\n";
        }
    }
}
