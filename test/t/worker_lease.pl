# contact-worker and a handler that works longer than the lease: the lease is extended, up to --timeout; and what happens when
# it cannot be.

use strict;
use warnings;

use ContactWorker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main');
my $server = $node->connstr('postgres');
my $gate = $node->basedir . '/gate';

sub lag { return $node->safe_psql('postgres', q(SELECT pending, leased, dead FROM contacts.event_lag)) }

# A handler that takes until the gate opens for the events "-1-", and no time for the others.
sub start_slow
{
	my ($name, $connection, @options) = @_;
	unlink $gate;
	my ($handler, $seen) = write_handler($node, $name, "if (\$line =~ /-1-/) { until (-e '$gate') { sleep 0.01 } } answer('ok')");
	my $worker = start_worker($connection, @options, @$handler);
	return ($worker, $seen);
}

# Longer than three leases; a second worker stands by.
my @events = raise_events($node, count => 5);
my ($slow, $slow_seen) = start_slow('slow', $server, '--lease', 2, '--timeout', 100);
wait_until('a handler works', sub { lines_of($slow_seen) == 1 });
my ($handler, $seen) = write_handler($node, 'quick', 'answer("ok")');
my $quick = start_worker($server, '--poll', 50, @$handler);
wait_until('after half of the lease the others are given to somebody else', sub { lines_of($seen) == 4 });
my ($end, $extended) = ('', 0);
wait_until('the lease of the one in hand is extended, again and again', sub {
	my $now = $node->safe_psql('postgres', "SELECT leased_until FROM contacts.delivery WHERE event_id = $events[0] AND leased_until > clock_timestamp()");
	$extended++ if $now && $now ne $end;
	$end = $now;
	return $extended > 4;
});
append_to_file($gate, '');
wait_until('the slow one is acknowledged', sub { lag() eq '0|0|0' });
is(stop_worker($_, 'TERM'), 0, 'exit status 0') for $slow, $quick;
is_deeply([ event_ids(lines_of($slow_seen)) ], [ $events[0] ], 'it came once');
is_deeply([ sort { $a <=> $b } event_ids(lines_of($seen)) ], [ @events[ 1 .. 4 ] ], 'so did each of the others');
unlike(slurp_file($slow->{err}), qr/handler/, 'no handler was ended');

# --timeout, longer than the lease
@events = raise_events($node);
($slow, $slow_seen) = start_slow('hanging', $server, '--lease', 2, '--timeout', 3, '--poll', 50);
wait_until('past --timeout the handler is ended', sub { slurp_file($slow->{err}) =~ /starting the handler again in \d+ ms: no answer within 3 s/ });
wait_until('and the event has failed', sub { $node->safe_psql('postgres', "SELECT attempts || last_error FROM contacts.delivery") eq '1no answer within 3 s' });
append_to_file($gate, '');
wait_until('it comes again', sub { lag() eq '0|0|0' });
is(stop_worker($slow, 'TERM'), 0, 'exit status 0');
is_deeply([ event_ids(lines_of($slow_seen)) ], [ @events, @events ], 'twice in all');

# TERM: the event in hand is finished, however long that takes.
@events = raise_events($node);
($slow, $slow_seen) = start_slow('told to stop', $server, '--lease', 2, '--timeout', 100);
wait_until('a handler works', sub { lines_of($slow_seen) == 1 });
$slow->{run}->signal('TERM');
($end, $extended) = ('', 0);
wait_until('after TERM the lease of the event in hand is still extended', sub {
	my $now = $node->safe_psql('postgres', "SELECT leased_until FROM contacts.delivery WHERE leased_until > clock_timestamp()");
	$extended++ if $now && $now ne $end;
	$end = $now;
	return $extended > 2;
});
append_to_file($gate, '');
is(stop_worker($slow), 0, 'exit status 0');
is(lag(), '0|0|0', 'and it is acknowledged');

# The lease ends while the handler works, because the server is not there to extend it.
my $proxy = start_proxy($node);
@events = raise_events($node);
($slow, $slow_seen) = start_slow('cut off', "$proxy->{connstr} connect_timeout=1", '--lease', 3, '--timeout', 100);
wait_until('a handler works', sub { lines_of($slow_seen) == 1 });
silence($proxy);
wait_until('when its lease is over, the handler is ended', sub { slurp_file($slow->{err}) =~ /starting the handler again in \d+ ms: the lease ended while the handler was still working on 1 event; raise --lease or lower --batch: ./ });
append_to_file($gate, '');
is(scalar(lines_of($slow_seen)), 1, 'another worker may have its event from now on');
restore($proxy);
wait_until('when the server is back, the event comes again', sub { lag() eq '0|0|0' });
is(stop_worker($slow, 'TERM'), 0, 'exit status 0');
is_deeply([ event_ids(lines_of($slow_seen)) ], [ @events, @events ], 'twice in all');

# Somebody else has the event, for instance because this machine slept.
@events = raise_events($node);
($slow, $slow_seen) = start_slow('robbed', $server, '--lease', 2, '--timeout', 100);
wait_until('a handler works', sub { lines_of($slow_seen) == 1 });
$node->safe_psql('postgres', q(UPDATE contacts.delivery SET lease = lease + 1000000, leased_until = clock_timestamp() + interval '1 hour'));
wait_until('a lease that is another\'s: the handler is ended', sub { slurp_file($slow->{err}) =~ /lower --batch: another worker has claimed the events/ });
is(stop_worker($slow, 'TERM'), 0, 'exit status 0');
is($node->safe_psql('postgres', q(SELECT attempts < 2, lease > 1000000, last_error FROM contacts.delivery)), 't|t|', 'and the other keeps it');

done_testing();
