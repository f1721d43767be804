# contact-worker without a handler: what it prints, a pipe that is full or closed, a disk that is full, and the relay.

use strict;
use warnings;

use ContactWorker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $node = start_server('main');
my $server = $node->connstr('postgres');

sub lag { return $node->safe_psql('postgres', q(SELECT pending, leased, dead FROM contacts.event_lag WHERE consumer = 'mailer')) }

my @events = raise_events($node, count => 5, contacts => 2);
my ($status, $out, $err) = run_worker($server, '--once');
is($status, 0, 'without a handler: exit status 0');
is_deeply([ sort(event_ids(split /\n/, $out)) ], [ sort @events ], 'each event is a line');
is($out, $node->safe_psql('postgres', q(SELECT string_agg(contacts_internal.event_line(ROW(event_id, 1, 0, workspace_id, contact_id, contact_version, ordinal, type, detail, created_at,
		(SELECT email_address FROM contacts.contact c WHERE c.id = contact_id))::contacts.claimed_event), E'\n'
	ORDER BY contact_version, event_id) FROM contacts.event)) . "\n", 'as contacts_internal.event_line() has it');
is(lag(), '0|0|0', 'and is acknowledged');

# It waits for more, and hears the bell: it would not look for a minute.
my $worker = start_worker($server, '--poll', 60000);
for (1 .. 2)
{
	my $poll = "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'";
	ok($node->poll_query_until('postgres', $poll), 'it listens, with no transaction open');
	push @events, raise_events($node);
	wait_until('an event is printed as soon as it is committed', sub { slurp_file($worker->{out}) =~ /"event_id":"$events[-1]"/ }, seconds => 30);
}
is(stop_worker($worker, 'INT'), 0, 'INT: exit status 0');

# Without a bell, but after one: a session that has rung for an event does not ring for the next. The worker would not look for a minute
# but for its check, every 15 s, whether the connection that listens is still there: the event is found before. (A machine that is too
# busy to show it gets more chances.)
$worker = start_worker($server, '--poll', 60000, '--lease', 60);
my $found_early = 0;
for my $try (1 .. 3)
{
	my $writer = $node->background_psql('postgres', on_error_stop => 1);
	my $checks = q(SELECT query_start FROM pg_stat_activity WHERE query LIKE 'LISTEN%');
	my $raise = sub {
		$writer->query_safe(qq(SELECT contact_upsert('{"email_address": "c1\@example.com", "partial_update": true, "fields": {"value": "$_[0] $try"}}')));
		return $node->safe_psql('postgres', 'SELECT max(event_id) FROM contacts.event');
	};
	$writer->query_safe(q(SET contact_upsert.notify = wakeup; SET contact_upsert.notify_interval = '1h'));
	my $with_bell = $raise->('with a bell');
	wait_until('an event with a wake-up is printed', sub { slurp_file($worker->{out}) =~ /"event_id":"$with_bell"/ });
	my $before = $node->safe_psql('postgres', $checks);
	sleep 0.5;
	my $without = $raise->('without a bell');
	wait_until('one whose wake-up is left out, too', sub { slurp_file($worker->{out}) =~ /"event_id":"$without"/ });
	$writer->quit;
	$found_early = $node->safe_psql('postgres', $checks) eq $before;
	last if $found_early;
}
ok($found_early, 'and needs no poll');
is(stop_worker($worker, 'TERM'), 0, 'TERM: exit status 0');

# Two-phase commit and notify = off send no NOTIFY: then it takes the poll interval.
$worker = start_worker($server, '--poll', 100);
my ($quiet) = raise_events($node, set => 'SET contact_upsert.notify = off;');
wait_until('an event without a bell is found within the poll time', sub { slurp_file($worker->{out}) =~ /"event_id":"$quiet"/ });
my ($rare) = raise_events($node, set => q(SET contact_upsert.notify = wakeup; SET contact_upsert.notify_interval = '1h';));
wait_until('one with a wake-up, too', sub { slurp_file($worker->{out}) =~ /"event_id":"$rare"/ });
is(stop_worker($worker, 'TERM'), 0, 'TERM: exit status 0');

# A reader that leaves, and one that does not read
@events = raise_events($node, count => 50, value => q(repeat('x', 20000)));
my $command = "contact-worker --dbname '$server' --consumer mailer --once 2>" . $node->basedir . '/err; echo "status $?" >&2';
my ($first, $rest);
IPC::Run::run([ 'sh', '-c', $command ], '|', [ 'head', '-n', 1 ], '>', \$first, '2>', \$rest);
is_deeply([ event_ids(split /\n/, $first) ], [ $events[0] ], 'a reader that leaves after a line');
my ($pending) = split /\|/, lag();
cmp_ok($pending, '>', 40, "what was not written is still there: $pending of 50");
is((split /\|/, lag())[1], 0, 'and given back');
like(slurp_file($node->basedir . '/err'), qr/cannot write to standard output: Broken pipe/, 'standard error says why');

my ($in, $text) = ('', '');
pipe my $reader, my $writer or die;
my $pid = fork // die;
if ($pid == 0)
{
	close $reader;
	open STDOUT, '>&', $writer;
	open STDERR, '>', $node->basedir . '/err';
	exec 'contact-worker', '--dbname', $server, '--consumer', 'mailer', '--timeout', 1;
}
close $writer;
my $still = sub { $node->safe_psql('postgres', q(SELECT count(*) FROM contacts.delivery WHERE lease > 0)) };
wait_until('a reader that does not read: the pipe fills up', sub { $still->() > 0 && $still->() < $pending });
my $blocked = $still->();
kill 'TERM', $pid;
waitpid $pid, 0;
is($? >> 8, 1, 'TERM in the middle of a line that nobody reads: exit status 1, and not never');
like(slurp_file($node->basedir . '/err'), qr/nobody reads standard output/, 'standard error says why');
is($still->(), 0, 'the rest is given back');
is((split /\|/, lag())[0], $blocked, 'and nothing is lost');
close $reader;

# A full disk
{
	my $err = '';
	IPC::Run::run([ 'contact-worker', '--dbname', $server, '--consumer', 'mailer', '--once' ], '<', '/dev/null', '>', '/dev/full', '2>', \$err);
	is($? >> 8, 1, 'a full disk: exit status 1');
	like($err, qr/cannot write to standard output: No space left on device/, 'standard error says why');
	is(lag(), "$blocked|0|0", 'everything is given back');
}

# A full pipe that is read in the end
run_worker($server, '--once');
@events = raise_events($node, count => 100, value => q(repeat('x', 20000)));
IPC::Run::run([ 'sh', '-c', "contact-worker --dbname '$server' --consumer mailer --once" ], '|', [ 'sh', '-c', 'sleep 1; cat' ], '>', \$text);
is_deeply([ event_ids(split /\n/, $text) ], \@events, 'lines longer than a pipe takes at a time come whole');

# A page that is larger than what the worker keeps in memory
@events = raise_events($node, count => 100);
$node->safe_psql('postgres', qq(UPDATE contacts.event SET detail = jsonb_build_object('field', jsonb_build_object('new', repeat('x', 1000000))) WHERE event_id >= $events[0]));
$worker = start_worker($server, '--poll', 50, '--lease', 600);
wait_until('100 MB of events are printed', sub { lag() eq '0|0|0' });
my ($peak) = slurp_file('/proc/' . pid_of($worker) . '/status') =~ /^VmHWM:\s+(\d+) kB/m;
cmp_ok($peak, '<', 120 * 1024, "with $peak kB of memory");
is(stop_worker($worker, 'TERM'), 0, 'exit status 0');
is_deeply([ sort { $a <=> $b } event_ids(lines_of($worker->{out})) ], \@events, 'each once');

# The relay says exactly what the upsert would.
$node->safe_psql('postgres', q(SELECT contacts.subscribe('relay')));
my $listen = q(LISTEN contact_automation; SELECT contact_upsert('{"email_address":"relay@example.com","add_tags":["t"],"create_tags":true,"fields":{"value":"1"}}') IS NOT NULL;
	SELECT contact_upsert('{"email_address":"relay@example.com","partial_update":true,"remove_tags":["t"],"fields":{"value":"2"}}') IS NOT NULL;);
my @bells = $node->safe_psql('postgres', $listen) =~ /payload "(.*)" received/mg;
$node->safe_psql('postgres', q(TRUNCATE contacts.delivery; INSERT INTO contacts.delivery (workspace_id, consumer_id, event_id, contact_id, contact_version, ordinal)
	SELECT 1, consumer_id, event_id, contact_id, contact_version, ordinal FROM contacts.consumer, (SELECT * FROM contacts.event ORDER BY event_id DESC LIMIT 2) e WHERE name = 'relay'));
my $listener_in = '';
my $listener_out = '';
my $listener = IPC::Run::start([ 'psql', '-XAtq', '-d', $server ], '<', \$listener_in, '>', \$listener_out, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
$listener_in .= "LISTEN relayed;\n\\echo listening\n";
$listener->pump until $listener_out =~ /listening/;
is(system('contact-worker', '--dbname', $server, '--consumer', 'relay', '--notify', 'relayed', '--once') >> 8, 0, 'the relay: exit status 0');
$listener_in .= "SELECT 1;\n\\q\n";
$listener->finish;
is_deeply([ $listener_out =~ /"relayed" with payload "(.*)" received/mg ], \@bells, 'it sends what the upsert sent') or diag $listener_out;
is($node->safe_psql('postgres', 'SELECT count(*) FROM contacts.delivery'), 0, 'and acknowledges it');

done_testing();
