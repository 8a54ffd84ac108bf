#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# commands.pl FILE... - the programs that these shell scripts call, one a line: "program, tab, file". Not a shell: comments,
# quoted text and documents in place are thrown away, and then a word where a command may begin is taken for one, unless
# it is the shell's own or a function of any of the files.
use strict;
use warnings;

my %own = map { $_ => 1 } qw(if then elif else fi for in do done while until case esac break cd continue echo eval exec
    exit export false getopts hash local printf pwd read readonly return set shift test times trap true type ulimit
    umask unset wait kill command);
# These run what follows their own arguments.
my $wrapper = qr/(?:exec|env|nice|command|timeout|xargs|check|typed|flock|runuser|unshare|chroot)/;
my (%functions, %text);

for my $file (@ARGV) {
    open my $script, '<', $file or die "$file: $!\n";
    local $_ = join '', <$script>;
    s/\\\n/ /g;
    s/<<-?\s*(['"]?)(\w+)\1(.*)\n(?:.*\n)*?\2\n/$3\n/g;
    s/^\s*#.*$//mg;
    s/\\'/ /g;
    s/'[^']*'/Q/g;
    s/\s#\s.*$//mg;
    $functions{$1} = 1 while /^(\w+)\(\)/mg;
    $text{$file} = $_;
}
for my $file (@ARGV) {
    local $_ = $text{$file};
    s/"(?:[^"\\\$]|\\.|\$(?!\())*"/Q/g;                       # what substitutes nothing
    s/^[ \t]*[^()\$"`;&\n]*\)(?=\s|$)/;/mg;                   # the patterns of a case
    my %found;
    my $word = qr/([a-z][a-z0-9_.+-]*)/;
    while (/(?:^|[;|&{!]|\(|\b(?:then|do|else|if|elif|while|until)\b)[ \t]*(?:\w+=\S*[ \t]+)*$word(?=[\s;)]|$)/mg) {
        $found{$1} = 1;
    }
    # After a wrapper: its options and their values, numbers and quoted words come first.
    while (/(?<![\w.\/-])$wrapper(?=((?:[ \t]+(?:-\S*|[0-9]+|Q|"\S*|\w+=\S*|\$\S+|root|reader))*+)[ \t]+$word(?:[\s;)]|$))/mg) {
        $found{$2} = 1;
    }
    print map { "$_\t$file\n" } grep { !$own{$_} && !$functions{$_} } sort keys %found;
}
