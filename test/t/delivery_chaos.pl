# The promise of the outbox under fire: 8 writers, 4 workers, random SIGKILLs of workers and of a backend, one immediate
# stop and restart of the server. Afterwards each committed event was delivered at least once, each contact's events in
# order, and none that was rolled back.

use strict;
use warnings;

use POSIX ':sys_wait_h';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $writers = 8;
my $workers = 4;
my $seconds = 12;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nlog_min_messages = fatal");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('token', 'Token', tracked => true);
	SELECT contacts.subscribe('chaos', max_attempts => 1000);
));

my $delivered = $node->basedir . '/delivered';
my $handler = $node->basedir . '/handler.sh';
append_to_file($delivered, '');
# One write() at the end of the file for each line: the lines' order is the order in which events were handled.
append_to_file($handler, qq(while IFS= read -r line; do printf '%s\\n' "\$line" >>'$delivered'; echo ok; done\n));

sub run_child
{
	my ($action) = @_;
	my $pid = fork;
	die "fork: $!" unless defined $pid;
	return $pid if $pid;
	$action->();
	POSIX::_exit(0);
}

sub start_worker
{
	return run_child(sub {
		open STDERR, '>>', $node->basedir . '/worker.err';
		exec 'contact-worker', '--dbname', $node->connstr('postgres'), '--consumer', 'chaos', '--lease', '2',
			'--timeout', '1', '--batch', '20', '--', 'sh', $handler;
		POSIX::_exit(127);
	});
}

# Writes until the time is over; a lost connection is one more transaction that did not commit, or nobody knows.
sub write_contacts
{
	my ($writer, $end) = @_;
	open STDERR, '>', '/dev/null';
	srand($writer);
	for (my $n = 0; time < $end; $n++)
	{
		my $rolled_back = rand() < 0.2;
		my $token = ($rolled_back ? 'rolled_back_' : 'kept_') . "${writer}_$n";
		my $contact = int rand 20;
		my $sql = qq(SELECT contact_upsert(jsonb_build_object('email_address', 'c$contact\@example.com', 'partial_update', true,
			'fields', jsonb_build_object('token', '$token'), 'add_tags', jsonb_build_array('t$writer'), 'create_tags', true)));
		my @command = $rolled_back ? ('BEGIN', $sql, 'ROLLBACK') : ($sql);
		open my $out, '>&', \*STDOUT;
		open STDOUT, '>', '/dev/null';
		system 'psql', '-Xq', '-d', $node->connstr('postgres'), map { ('-c', $_) } @command;
		open STDOUT, '>&', $out;
	}
}

my $end = time + $seconds;
my @writer_pids = map { my $writer = $_; run_child(sub { write_contacts($writer, $end) }) } 1 .. $writers;
my @worker_pids = map { start_worker() } 1 .. $workers;
my %done = (worker => 0, backend => 0, server => 0);

srand(7);
while (time < $end)
{
	sleep 0.2 + rand 0.3;
	my $i = int rand $workers;
	kill 'KILL', $worker_pids[$i];
	waitpid $worker_pids[$i], 0;
	$worker_pids[$i] = start_worker();
	$done{worker}++;

	if (!$done{backend} && time > $end - $seconds * 2 / 3)
	{
		my ($status, $pid) = $node->psql('postgres', q(SELECT pid FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND query LIKE '%contact_upsert%' LIMIT 1));
		$done{backend} = kill 'KILL', $pid if $status == 0 && $pid;
	}
	if (!$done{server} && time > $end - $seconds / 3)
	{
		$node->stop('immediate');
		$node->start;
		$done{server} = 1;
	}
}
waitpid $_, 0 for @writer_pids;
cmp_ok($done{worker}, '>', 10, "workers were killed $done{worker} times");
is("$done{backend} $done{server}", '1 1', 'a backend was killed, and the server stopped at once, in the middle of it');

ok($node->poll_query_until('postgres', q(SELECT NOT EXISTS (SELECT FROM contacts.delivery))), 'everything is acknowledged in the end');
kill 'TERM', @worker_pids;
waitpid $_, 0 for @worker_pids;

my %position;
my $copies = 0;
open my $lines, '<', $delivered or die "$delivered: $!";
while (my $line = <$lines>)
{
	my ($event_id) = $line =~ /"event_id":"(\d+)"/ or die "not an event: $line";
	$copies++;
	$position{$event_id} //= $.;
}
my @events = map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres',
	q(SELECT event_id, contact_id, contact_version, ordinal, type, detail #>> '{field,new}' FROM contacts.event ORDER BY contact_id, contact_version, ordinal));

cmp_ok(scalar @events, '>', 100, scalar(@events) . " events were committed, and delivered in $copies copies");
is(scalar(grep { !$position{ $_->[0] } } @events), 0, 'each committed event was delivered');
my %committed = map { $_->[0] => 1 } @events;
is(scalar(grep { !$committed{$_} } keys %position), 0, 'nothing was delivered that did not commit');
is(scalar(grep { ($_->[5] // '') =~ /rolled_back/ } @events), 0, 'no event is of a transaction that was rolled back');
my $out_of_order = grep { $events[$_][1] eq $events[ $_ - 1 ][1] && $position{ $events[$_][0] } < $position{ $events[ $_ - 1 ][0] } } 1 .. $#events;
is($out_of_order, 0, q(each contact's events came in order));
is($node->safe_psql('postgres', q(
		SELECT count(*) FROM contacts.contact c, LATERAL (
			SELECT count(DISTINCT contact_version) AS n, max(contact_version) AS newest FROM contacts.event e WHERE e.contact_id = c.id) e
		WHERE e.n <> c.version - 1 OR e.newest <> c.version AND c.version > 1)),
	'0', 'and each change of a contact that is there has its events, no more and no less');

done_testing();
