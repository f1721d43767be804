# contact-worker's loop: bells that ring while it is busy, many bells, other channels, and a listening connection that is
# read whatever the worker waits for.

use strict;
use warnings;

use ContactWorker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main', 'track_functions = all');
my $server = $node->connstr('postgres');
my $gate = $node->basedir . '/gate';

# The bell alone can bring these events in time: the worker looks for events every ten minutes.
my @deaf = ('--poll', 600000);

sub lag { return $node->safe_psql('postgres', q(SELECT pending, leased, dead FROM contacts.event_lag)) }

sub has_all
{
	my ($worker, @events) = @_;
	my %got = map { $_ => 1 } event_ids(lines_of($worker->{out}));
	return !grep { !$got{$_} } @events;
}

# A bell that rings while a handler works
my ($handler, $seen) = write_handler($node, 'gated', "if (\$line =~ /gated/) { until (-e '$gate') { sleep 0.01 } } answer('ok')");
my $worker = start_worker($server, @deaf, '--lease', 600, '--timeout', 500, @$handler);
wait_until('it listens', sub { listeners($node) == 1 });
my @events = raise_events($node, value => q('gated'));
wait_until('a handler works', sub { lines_of($seen) == 1 });
push @events, raise_events($node, count => 3);

# It is read meanwhile: more than a socket takes is out of the server's queue.
my $flood = q(SELECT count(pg_notify('contact_automation', repeat('x', 7900) || i)) FROM generate_series(1, 3000) i);
my $usage = q(SELECT pg_notification_queue_usage());
$node->safe_psql('postgres', $flood);
ok($node->poll_query_until('postgres', $usage, '0'), 'what rings while a handler works is read');
append_to_file($gate, '');
wait_until('and heard when it has finished', sub { lines_of($seen) == 4 });
wait_until('everything is done', sub { lag() eq '0|0|0' });
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');

# A statement that is not answered: the bell is read meanwhile.
$worker = start_worker($server, '--poll', 50, '--lease', 600);
my $backend;
my $working = q(SELECT pid FROM pg_stat_activity WHERE query LIKE '%FROM contacts.claim%' AND pid <> pg_backend_pid());
wait_until('it looks for events', sub { listeners($node) == 1 && ($backend = $node->safe_psql('postgres', $working)) });
kill 'STOP', $backend;
my $looks = q(SELECT calls FROM pg_stat_user_functions WHERE funcname = 'claim');
$node->safe_psql('postgres', $flood);
ok($node->poll_query_until('postgres', $usage, '0'), 'what rings during a statement is read');
kill 'CONT', $backend;
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');

# Many bells are one wake-up.
$worker = start_worker($server, @deaf);
wait_until('it listens', sub { listeners($node) == 1 });
@events = raise_events($node);
wait_until('it works', sub { has_all($worker, @events) });
my $before = $node->safe_psql('postgres', $looks);
push @events, raise_events($node, count => 900);
wait_until('900 events with a notification each', sub { has_all($worker, @events) && lag() eq '0|0|0' });
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
# Its backend has told the statistics by then.
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE query LIKE '%FROM contacts.claim%' AND pid <> pg_backend_pid()"), 'it is gone');
my $claims = $node->safe_psql('postgres', $looks) - $before;
cmp_ok($claims, '<', 30, "are worked through with $claims looks");

# Another channel
my $name = 'The "other" Channel';
$worker = start_worker($server, @deaf, '--lease', 600, '--channel', $name);
wait_until('it listens', sub { listeners($node) == 1 });
is(slurp_file($worker->{err}), qq(contact-worker: listening on "$name"\n), 'and says where');
my ($event) = raise_events($node, set => 'SET contact_upsert.notify = off;');
$node->safe_psql('postgres', 'NOTIFY "the other channel"');
$node->safe_psql('postgres', 'NOTIFY "The ""other"" Channel"');
wait_until('--channel: its bell is heard', sub { has_all($worker, $event) });
# It looks after 0.15 s, then waits twice as long each time, 2.4 s and then 4.8 s: after 3.2 s there is time before the next look.
my $quiet = $working . q( AND state = 'idle' AND state_change < clock_timestamp() - interval '3.2 s');
wait_until('it has looked once more', sub { $node->safe_psql('postgres', $quiet) });
my ($unheard) = raise_events($node);
($event) = raise_events($node, set => 'SET contact_upsert.notify = off;');
wait_until('it looks no further', sub { $node->safe_psql('postgres', $quiet) });
is(scalar(grep { $_ eq $unheard } event_ids(lines_of($worker->{out}))), 0, 'and no other');
$node->safe_psql('postgres', 'NOTIFY "The ""other"" Channel"');
wait_until('but all events are found', sub { has_all($worker, $unheard, $event) });
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');

done_testing();
