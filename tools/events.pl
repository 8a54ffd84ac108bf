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
die "usage: events.pl FILE | --names\n" unless @ARGV == 1;

open my $file, '<:raw', $ARGV[0] or die "events.pl: $ARGV[0]: $!\n";
my ($bytes, $got, $first, $last);
while (($got = read $file, $bytes, RECORD_BYTES) && $got == RECORD_BYTES) {
    my $record = decode($bytes);
    $first //= $record->{time};
    printf "%12d %+9d  cpu %d  space %-3d %s\n", $record->{time} - $first, $record->{time} - ($last // $first),
        $record->{cpu}, $record->{space}, sentence($record);
    $last = $record->{time};
}
die "events.pl: $ARGV[0]: $!\n" unless defined $got;
die "events.pl: $ARGV[0] ends in the middle of a record\n" if $got;
