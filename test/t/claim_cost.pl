# What claim() and ack() cost does not depend on how much waits, on what the planner believes, nor on a transaction that is
# held open. Counted in pages touched, so that the machine's load has no say.

use strict;
use warnings;

use ContactWorker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main', "autovacuum = off\nshared_buffers = 256MB\nfsync = off\nmax_wal_size = 4GB");

# Queues events of so many contacts.
sub queue
{
	my ($count, $contacts) = @_;
	$node->safe_psql('postgres', qq(
		INSERT INTO contacts.event (workspace_id, contact_id, contact_version, ordinal, type)
			SELECT 1, lpad(to_hex(i % $contacts), 24, '0'), i, 1, 'TAG_ADDED' FROM generate_series(1, $count) i;
		INSERT INTO contacts.delivery (workspace_id, consumer_id, event_id, contact_id, contact_version, ordinal)
			SELECT 1, 1, event_id, contact_id, contact_version, ordinal FROM contacts.event
			WHERE event_id > (SELECT coalesce(max(event_id), 0) FROM contacts.event) - $count ORDER BY event_id;));
	return;
}

# Pages that a claim of 1,000 and its acknowledgement touch, in a session that begins so; by default the second time, when the caches are filled.
sub pages
{
	my ($times, $begin) = @_;
	my $plan;
	$plan = $node->safe_psql('postgres', ($begin // '') . q(EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF)
		SELECT contacts.ack('mailer', max(lease), array_agg(event_id)) FROM contacts.claim('mailer', 1000))) for 1 .. $times // 2;
	# The topmost node has the sum.
	my ($buffers) = $plan =~ /Buffers: shared ([^\n]*)/;
	my $pages = 0;
	$pages += $_ for $buffers =~ /(?:hit|read)=(\d+)/g;
	return $pages;
}

# Pages that a session touches which extends the lease of the 1,000 events that it has claimed.
sub extend_pages
{
	my $plan = $node->safe_psql('postgres', q(SELECT max(lease) AS lease FROM contacts.claim('mailer', 1000) \gset
		EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) SELECT contacts.extend('mailer', :lease, '2 min');
		SELECT count(*) FROM contacts.delivery WHERE lease = :lease AND leased_until > now() + interval '1 min';
		SELECT contacts.release('mailer', :lease, (SELECT array_agg(event_id) FROM contacts.delivery WHERE lease = :lease));));
	like($plan, qr/^1000$/m, 'all are extended');
	my ($pages) = $plan =~ /Buffers: shared hit=(\d+)/;
	return $pages;
}

# A session that keeps a transaction open.
sub hold
{
	my ($begin) = @_;
	my ($in, $out) = ('', '');
	my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out,
		IPC::Run::timeout(10 * $PostgreSQL::Test::Utils::timeout_default));
	$in .= "$begin;\n\\echo held\n";
	$session->pump until $out =~ /held/;
	return sub { $in .= "COMMIT;\n\\q\n"; $session->finish };
}

queue(10000, 10000);
my $unknown = pages();
$node->safe_psql('postgres', 'ANALYZE contacts.delivery');
my $few = pages();
cmp_ok($unknown, '<', 2 * $few, "10,000 waiting, no statistics: $unknown pages");
cmp_ok($few, '>', 1000, "10,000 waiting: $few pages for 1,000 events");
my $few_extended = extend_pages();
$node->safe_psql('postgres', 'TRUNCATE contacts.delivery');
queue(1000000, 300000);
my $many = pages();
cmp_ok($many, '<', 2 * $few, "1,000,000 waiting, statistics of 10,000: $many");
$node->safe_psql('postgres', 'ANALYZE contacts.delivery');
$many = pages();
cmp_ok($many, '<', 2 * $few, "1,000,000 waiting, statistics of them: $many");
my $many_extended = extend_pages();
cmp_ok($many_extended, '<', 2 * $few_extended, "1,000 are extended: $many_extended pages, and of 10,000 $few_extended");

# Autovacuum that comes by while a large insert into an empty table is not committed writes down that it has pages, but no rows; and the
# planner believes it, however large the table becomes.
$node->safe_psql('postgres', q(UPDATE contacts.delivery SET due_at = now() - interval '1 h', attempts = 1 WHERE event_id % 100 = 0));
for my $relation ('contacts.event', 'contacts.contact', 'contacts.delivery')
{
	$node->safe_psql('postgres', qq(
		UPDATE pg_class SET reltuples = 0 WHERE oid IN (SELECT unnest(ARRAY[indexrelid, indrelid]) FROM pg_index WHERE indrelid = '$relation'::regclass);
		DELETE FROM pg_statistic WHERE starelid = '$relation'::regclass));
}
for my $fast_path ('on', 'off')
{
	my $believed_empty = pages(undef, "SET contact_upsert.fast_path = $fast_path;");
	cmp_ok($believed_empty, '<', 3 * $few, "1,000,000 events and 10,000 failures that the planner does not believe in, fast path $fast_path: $believed_empty");
}

# No plan of any statement in claim, ack, fail and release reads a table or sorts it; with the fast path, some rows are found by place.
for my $fast_path ('on', 'off')
{
	my (undef, undef, $log) = $node->psql('postgres', "SET contact_upsert.fast_path = $fast_path;" . q(
		LOAD 'auto_explain';
		SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET auto_explain.log_level = notice;
		SET client_min_messages = notice;
		SELECT contacts.release('mailer', lease, ARRAY[event_id]) FROM contacts.claim('mailer', 5);
		SELECT contacts.fail('mailer', lease, event_id, 'x') FROM contacts.claim('mailer', 5);
		SELECT contacts.ack('mailer', max(lease), array_agg(event_id)) FROM contacts.claim('mailer', 1000)));
	my @scans = $log =~ /((?:Index|Index Only|Tid|Seq|Bitmap Heap|Parallel \w+) Scan(?: Backward)?(?: using \w+)? on (?:delivery|event|consumer\w*)(?:_\d)?\b)/g;
	cmp_ok(scalar @scans, '>', 20, "fast path $fast_path: plans were logged");
	is_deeply([ grep { !/^Index (?:Only )?Scan using/ && !($fast_path eq 'on' && /^Tid Scan on delivery/) } @scans ], [],
		"fast path $fast_path: all of them are index scans");
}

# The classic killer of queues: a transaction is held open, so nothing that is acknowledged goes away.
$node->safe_psql('postgres', q(TRUNCATE contacts.delivery; UPDATE contacts.low_water_mark SET queued_xid = 0, raised_at = '-infinity'));
queue(1000, 500);
for (
	[ 'that reads' ],
	[ 'that reads, and events that have failed', 'fail' ])
{
	my ($what, $fail) = @$_;
	my $release = hold('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
	my ($first, $last);
	for my $round (1 .. 60)
	{
		queue(1000, 500);
		# The low-water mark is raised once a second; here a second is a round.
		$node->safe_psql('postgres', q(UPDATE contacts.low_water_mark SET raised_at = '-infinity'));
		if ($fail && $round % 10 == 1)
		{
			queue(1, 1);
			$node->safe_psql('postgres', q(UPDATE contacts.delivery SET contact_id = 'failed' || event_id, attempts = 1, due_at = now() + '1 h'
				WHERE event_id = (SELECT max(event_id) FROM contacts.event)));
		}
		my $pages = pages(1) + pages(1);
		$first = $pages if $round == 5;
		$last = $pages if $round == 60;
	}
	cmp_ok($last, '<', 2 * $first, "a transaction $what: $first pages a round at the beginning, $last when 60,000 dead rows are there");
	if (!$fail)
	{
		# The test of the test: without the mark it is many more.
		queue(1000, 500);
		$node->safe_psql('postgres', q(UPDATE contacts.low_water_mark SET queued_xid = 0, raised_at = 'infinity'));
		my $walk = pages(1);
		cmp_ok($walk, '>', 3 * $last, "and without the mark $walk");
	}
	$release->();
}

# The low-water mark never hides anything: an event of a writer that is still open when later ones are claimed and acknowledged.
$node->safe_psql('postgres', 'TRUNCATE contacts.delivery');
raise_events($node, count => 1, contacts => 1);
my $commit = hold(q(BEGIN; SELECT contact_upsert('{"email_address":"c1@example.com","partial_update":true,"fields":{"value":"late"}}')));
for my $round (1 .. 5)
{
	queue(100, 100);
	$node->safe_psql('postgres', q(UPDATE contacts.low_water_mark SET raised_at = '-infinity'));
	pages(1);
}
$commit->();
is($node->safe_psql('postgres', q(SELECT count(*) FROM contacts.claim('mailer', 1000) c WHERE detail #>> '{field,new}' = 'late')),
	1, "an event that commits late, below those that are done, is handed out");

done_testing();
