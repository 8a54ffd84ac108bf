#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# events.pl FILE - turns a stream of event records (./quire run --events FILE) into text, one line a record.
# events.pl --names - the kinds this tool knows, one a line, in their order.
#
# The record is described in include/quire/event.h: 64 bytes, little-endian. Columns: time since the first record, time
# since the record before, CPU, address space, event, and the fields that mean something for it.
use strict;
use warnings;

use constant RECORD_BYTES => 64;

# In the order of quire_event_kind_t. After the name: the fields to show, by the letters of %show below.
my @kinds = map { [split] } (
    'none',
    'frame-alloc frame bytes order owner',
    'frame-free frame bytes order owner',
    'frame-zero frame bytes',
    'entry address level table change',
    'table-alloc address level frame',
    'table-free address level frame',
    'flush address bytes',
    'load-root frame tag',
    'space-create frame',
    'space-destroy frame',
    'reserve address bytes protection',
    'populate address bytes',
    'unmap address bytes',
    'protect address bytes protection',
    'fault address access',
    'fault-done address frame status',
    'heap-alloc address bytes block',
    'heap-free address bytes',
    'heap-search bytes found',
    'heap-grow address bytes',
    'heap-shrink address bytes',
    'heap-split address bytes rest',
    'heap-join address bytes',
    'syscall number arguments',
    'syscall-done number result',
    'trap address vector error instruction',
    'trap-done vector',
    'mark number',
    'frame-split frame bytes order owner',
);

my @owners = qw(none kernel table user heap device test);
my @statuses = ('ok', 'no memory', 'no address space', 'invalid argument', 'already there', 'not there',
    'access denied', 'try again', 'not supported here', 'corrupt');

sub hexadecimal { return sprintf '0x%x', $_[0] }
sub word { my ($list, $number) = @_; return $list->[$number] // $number }

sub flags
{
    my ($number, @names) = @_;
    my @set = grep { defined } map { $number & (1 << $_) ? $names[$_] : undef } 0 .. $#names;
    return @set ? join('+', @set) : 'none';
}

# Reading is the access without a bit.
sub access_words
{
    my ($access) = @_;
    my $words = $access ? flags($access, qw(write exec user)) : '';
    return $access & 3 ? $words : join '+', 'read', $words || ();
}

# Each gets the record and answers the text of one field.
my %show = (
    address     => sub { 'address ' . hexadecimal($_[0]{address}) },
    frame       => sub { 'frame ' . hexadecimal($_[0]{frame}) },
    table       => sub { 'in table ' . hexadecimal($_[0]{frame}) },
    bytes       => sub { $_[0]{bytes} . ' bytes' },
    level       => sub { 'level ' . $_[0]{level} },
    order       => sub { 'order ' . $_[0]{level} },
    owner       => sub { 'for ' . word(\@owners, $_[0]{detail}) },
    status      => sub { word(\@statuses, $_[0]{detail}) },
    change      => sub { hexadecimal($_[0]{before}) . ' -> ' . hexadecimal($_[0]{after}) },
    protection  => sub { flags($_[0]{detail}, qw(read write exec user)) },
    access      => sub { access_words($_[0]{detail}) },
    block       => sub { 'block of ' . $_[0]{detail} },
    rest        => sub { 'rest ' . $_[0]{detail} },
    found       => sub { $_[0]{detail} ? "found $_[0]{detail} at " . hexadecimal($_[0]{address}) : 'found none' },
    tag         => sub { $_[0]{detail} ? "PCID $_[0]{detail}" : 'no PCID' },
    number      => sub { 'number ' . $_[0]{detail} },
    arguments   => sub { join ' ', map { hexadecimal($_[0]{$_}) } qw(before after) },
    result      => sub { 'result ' . unpack('q', pack('Q', $_[0]{after})) },
    vector      => sub { 'vector ' . $_[0]{detail} },
    error       => sub { 'code ' . hexadecimal($_[0]{before}) },
    instruction => sub { 'at ' . hexadecimal($_[0]{after}) },
);

sub decode
{
    my %record;
    @record{qw(time kind level cpu space address frame bytes before after detail)} =
        unpack 'Q< S< C C L< Q< Q< Q< Q< Q< Q<', $_[0];
    return \%record;
}

sub sentence
{
    my ($record) = @_;
    my $kind = $kinds[$record->{kind}] or return "unknown kind $record->{kind}";
    my ($name, @fields) = @$kind;
    return sprintf '%-14s %s', $name, join ', ', map { $show{$_}->($record) } @fields;
}

if (@ARGV == 1 && $ARGV[0] eq '--names') {
    print "$_->[0]\n" for @kinds;
    exit 0;
}
refuse("usage: events.pl FILE | --names") unless @ARGV == 1;

# What it is, is found out before the first line is printed: a stream has no header, but each of its records says of what
# kind it is, and hardly anything else has such a number in the same place of every 64 bytes.
use constant RECORDS_JUDGED => 256;

sub refuse { print STDERR "events.pl: $_[0]\n"; exit 2 }

my $name = $ARGV[0];
open my $file, '<:raw', $name or refuse("$name: $!");
my (@judged, $rest);
while (@judged < RECORDS_JUDGED) {
    my $got = read $file, my $bytes, RECORD_BYTES;
    refuse("$name: $!") unless defined $got;
    if ($got < RECORD_BYTES) {
        $rest = $got;
        last;
    }
    my $kind = decode($bytes)->{kind};
    refuse("$name is no file of events: what should be record " . (@judged + 1) . " is of no kind that there is")
        if $kind == 0 || $kind >= @kinds;
    push @judged, $bytes;
}
refuse("$name is empty: no event was recorded in it") if !@judged && !$rest;
refuse("$name is no file of events: it is shorter than one record") if !@judged;

# A machine that was ended while it wrote leaves part of a record. What stands before it is worth reading.
my $cut = defined $rest ? $rest : -f $name ? (-s _) % RECORD_BYTES : 0;
print STDERR "events.pl: $name is cut short: its last record is not whole\n" if $cut;

my ($first, $last);
sub say_record
{
    my $record = decode($_[0]);
    $first //= $record->{time};
    printf "%12d %+9d  cpu %d  space %-3d %s\n", $record->{time} - $first, $record->{time} - ($last // $first),
        $record->{cpu}, $record->{space}, sentence($record);
    $last = $record->{time};
}

say_record($_) for @judged;
my $got = $rest // RECORD_BYTES;
while ($got == RECORD_BYTES) {
    $got = read $file, my $bytes, RECORD_BYTES;
    refuse("$name: $!") unless defined $got;
    say_record($bytes) if $got == RECORD_BYTES;
}
exit($cut || $got ? 2 : 0);
