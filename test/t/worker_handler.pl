# contact-worker and its handler: what is answered, what is not, and what becomes of the event in hand.

use strict;
use warnings;

use ContactWorker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main');
my $server = $node->connstr('postgres');

sub lag { return $node->safe_psql('postgres', q(SELECT pending, leased, dead FROM contacts.event_lag)) }

sub last_error
{
	my ($event) = @_;
	return $node->safe_psql('postgres', "SELECT attempts, last_error FROM contacts.delivery WHERE event_id = $event");
}

sub clear { $node->safe_psql('postgres', 'TRUNCATE contacts.delivery') }

# Answers
my ($handler, $seen) = write_handler($node, 'good', 'answer("ok")');
my @events = raise_events($node, count => 300, contacts => 100);
my ($status, $out, $err) = run_worker($server, '--once', @$handler);
is($status, 0, 'a handler that says ok: the queue is drained, exit status 0');
is("$out$err", '', 'nothing is printed');
is_deeply([ sort { $a <=> $b } event_ids(lines_of($seen)) ], \@events, 'it got each event once');
is(lag(), '0|0|0', 'and nothing is left');
like((lines_of($seen))[0], qr/^\{"type":"FIELD_UPDATED","workspace_id":"1","contact_id":"[0-9a-f]{24}","contact_version":"2","ordinal":1,"event_id":"1","created_at":"[-0-9]{10}T[:0-9]{8}\.\d{6}Z","attempts":0,"email_address":"c\d+\@example\.com","detail":\{"field": \{.*\}\}\}$/, 'an event is one line of JSON');

($handler, $seen) = write_handler($node, 'choosy', 'answer($line =~ /-2-/ ? "fail out of stamps \xFF\0\x{1} \xC3\xA9" : "ok")');
@events = raise_events($node, count => 3);
is((run_worker($server, '--once', @$handler))[0], 0, 'a handler that fails an event');
is(last_error($events[1]), '1|out of stamps ??? é', 'that event is kept, with the reason made readable');
is(lag(), '1|0|0', 'the others are done');
$node->safe_psql('postgres', 'UPDATE contacts.delivery SET due_at = now()');
run_worker($server, '--once', @$handler);
is(lag(), '0|0|1', 'after max_attempts it is dead');
clear();

# Answers whose lines end as on Windows.
($handler, $seen) = write_handler($node, 'windows', 'answer($line =~ /-2-/ ? "fail no stamps\r" : "ok\r")');
@events = raise_events($node, count => 3);
is((run_worker($server, '--once', @$handler))[0], 0, 'a handler whose lines end with CR LF');
is(last_error($events[1]), '1|no stamps', 'fails an event');
is(lag(), '1|0|0', 'and the others are done');
clear();

# A handler that reads no more: the event that it did not get has failed, the first is done.
($handler, $seen) = write_handler($node, 'deaf', 'answer("ok"); close STDIN; sleep 1; exit 4');
@events = raise_events($node, count => 2, contacts => 2);
is((run_worker($server, '--once', @$handler))[0], 0, 'a handler that closes its input');
is(last_error($events[1]), '1|the handler ended with exit status 4', 'the next event has failed, with why');
is(lag(), '1|0|0', 'the one before is done');
clear();

# A handler that dies: the event in hand failed, the others go to the next one.
($handler, $seen) = write_handler($node, 'mortal', 'exit 3 if $line =~ /-3-/; answer("ok")');
@events = raise_events($node, count => 9);
($status, $out, $err) = run_worker($server, '--once', @$handler);
is($status, 0, 'a handler that dies is started again');
is(last_error($events[2]), '1|the handler ended with exit status 3', 'the event in hand has failed, with its exit status');
is(lag(), '1|0|0', 'the others are done');
like($err, qr/starting the handler again in \d+ ms: the handler ended with exit status 3/, 'standard error says so');
clear();
($handler, $seen) = write_handler($node, 'shot', 'kill "SEGV", $$ if $line =~ /-1-/; answer("ok")');
@events = raise_events($node, count => 2);
run_worker($server, '--once', @$handler);
is(last_error($events[0]), '1|the handler was killed by signal 11', 'a signal is named, too');
clear();

# An event that takes the worker with it, like one that makes the machine run out of memory: it alone is dead in the end.
($handler, $seen) = write_handler($node, 'poisoned', 'if ($line =~ /-7-/) { kill "KILL", getppid; exit } answer("ok")');
@events = raise_events($node, count => 200);
my $deaths = 0;
for (1 .. 9)
{
	my $poisoned = start_worker($server, '--lease', 2, '--timeout', 1, '--poll', 50, @$handler);
	wait_until('a worker works until it dies, or nothing is left', sub { lag() eq '0|0|1' || !$poisoned->{run}->pumpable });
	last if lag() eq '0|0|1' && stop_worker($poisoned, 'TERM') eq '0';
	$deaths++;
}
cmp_ok($deaths, '>', 0, "an event killed $deaths workers");
is($node->safe_psql('postgres', 'SELECT event_id, dead FROM contacts.delivery'), "$events[6]|t", 'then it is dead, and all others are done');
clear();

# A handler that hangs
($handler, $seen) = write_handler($node, 'sleepy', 'sleep 1000 if $line =~ /-1-/; answer("ok")');
@events = raise_events($node, count => 3);
($status, $out, $err) = run_worker($server, '--once', '--timeout', 1, @$handler);
is($status, 0, 'a handler that hangs is ended');
is(last_error($events[0]), '1|no answer within 1 s', 'the event in hand has failed');
is(lag(), '1|0|0', 'the others are done');
clear();

# A handler that talks nonsense, too much, or out of turn
for (
	[ 'nonsense', 'answer($line =~ /-1-/ ? "OK" : "ok")', 'neither "ok" nor "fail WHY" but "OK"' ],
	[ 'chatty', 'print $line =~ /-1-/ ? "ok" x 100000 : "ok\n"', 'an answer of more than 65536 bytes' ],
	[ 'long', 'answer($line =~ /-1-/ ? "fail " . "x" x 60000 : "ok")', 'x' x 1000 ])
{
	my ($name, $body, $error) = @$_;
	($handler, $seen) = write_handler($node, $name, $body);
	@events = raise_events($node, count => 3);
	is((run_worker($server, '--once', @$handler))[0], 0, "a $name handler");
	is(last_error($events[0]), "1|$error", 'the event in hand has failed');
	is(lag(), '1|0|0', 'the others are done');
	clear();
}
($handler, $seen) = write_handler($node, 'eager', 'answer($line =~ /-1-/ ? "ok\nok" : "ok")');
@events = raise_events($node, count => 5, contacts => 1);
($status, $out, $err) = run_worker($server, '--once', @$handler);
like($err, qr/neither "ok" nor "fail WHY" but "ok"/, 'an answer that nobody asked for ends the handler');
is_deeply([ event_ids(lines_of($seen)) ], \@events, 'and is taken for no other event');
is(lag(), '0|0|0', 'all are done');

# More than a pipe takes, both ways at a time
($handler, $seen) = write_handler($node, 'big', 'answer("fail " . "y" x 50000)');
@events = raise_events($node, count => 60, value => q(repeat('x', 50000)));
is((run_worker($server, '--once', @$handler))[0], 0, 'events and answers larger than a pipe');
is($node->safe_psql('postgres', q(SELECT count(*), min(length(last_error)) FROM contacts.delivery)), '60|1000', 'each failed with its reason');
is(-s $seen > 60 * 50000, 1, 'and was read whole');
clear();
# the handler answers before it reads on, with nobody reading yet
($handler, $seen) = write_handler($node, 'slow', 'sleep 0.01; answer("ok")');
@events = raise_events($node, count => 40, value => q(repeat('x', 30000)));
run_worker($server, '--once', @$handler);
is(lag(), '0|0|0', 'a handler that is slow to read a full pipe');

# TERM: the event in hand is finished, the others are given back.
my $gate = $node->basedir . '/gate';
($handler, $seen) = write_handler($node, 'gated', "until (-e '$gate') { sleep 0.01 } answer('ok')");
@events = raise_events($node, count => 5);
my $worker = start_worker($server, @$handler);
wait_until('the handler has an event', sub { lines_of($seen) == 1 });
$worker->{run}->signal('TERM');
append_to_file($gate, '');
is(stop_worker($worker), 0, 'TERM while the handler works: exit status 0');
is_deeply([ event_ids(lines_of($seen)) ], [ $events[0] ], 'no further event was begun');
is($node->safe_psql('postgres', 'SELECT array_agg(event_id ORDER BY event_id), sum(attempts), max(lease) FROM contacts.delivery'),
	'{' . join(',', @events[ 1 .. 4 ]) . '}|0|0', 'the event in hand is done, the others are as if never claimed');

# SIGKILL between claim and acknowledgement: once more, and none lost.
unlink $gate;
$worker = start_worker($server, '--lease', 5, '--timeout', 4, @$handler);
wait_until('the handler has another event', sub { lines_of($seen) == 2 });
is(stop_worker($worker, 'KILL'), 'signal 9', 'the worker is killed');
is(lag(), '0|4|0', 'its events are still leased');
append_to_file($gate, '');
$worker = start_worker($server, @$handler);
wait_until('when the lease is over, another worker gets them', sub { lag() eq '0|0|0' });
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
is_deeply([ event_ids(lines_of($seen)) ], [ @events[ 0, 1, 1 .. 4 ] ], 'the one in hand came twice, the others once');

# Two workers side by side
($handler, $seen) = write_handler($node, 'pair', 'sleep 0.002; answer("ok")');
@events = raise_events($node, count => 400, contacts => 40);
my @workers = map { start_worker($server, '--batch', 7, @$handler) } 1, 2;
wait_until('two workers drain the queue', sub { lag() eq '0|0|0' });
is(stop_worker($_, 'TERM'), 0, 'exit status 0') for @workers;
my @got = event_ids(lines_of($seen));
is_deeply([ sort { $a <=> $b } @got ], \@events, 'each event came once');
my %position;
@position{@got} = 0 .. $#got;
is(scalar(grep { $position{ $events[$_] } < $position{ $events[ $_ - 40 ] } } 40 .. $#events), 0, q(each contact's events came in order));

# A slow handler keeps no more than it works on from the others, and loses no lease.
($handler, $seen) = write_handler($node, 'sloth', 'sleep 0.3; answer("ok")');
@events = raise_events($node, count => 16);
run_worker($server, '--once', '--lease', 4, '--timeout', 3, @$handler);
is_deeply([ event_ids(lines_of($seen)) ], \@events, 'a handler slower than the lease of its page gets each event once');
is(lag(), '0|0|0', 'and all are done');

done_testing();
