# Exactly-once for a consumer that acknowledges in the transaction of its effect, backends killed all the while; and a
# worker that connects late, or never hears a notification, still gets everything by polling.

use strict;
use warnings;

use IPC::Run qw(start timeout);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'log_min_messages = fatal');
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('token', 'Token', tracked => true);
	SELECT contacts.subscribe('ledger', max_attempts => 1000), contacts.subscribe('late');
	CREATE TABLE effect (event_id bigint);
	SELECT count(contact_upsert(jsonb_build_object('email_address', 'c' || i || '@example.com'))) FROM generate_series(1, 50) i;
	SELECT count(contact_upsert(jsonb_build_object('email_address', 'c' || i % 50 + 1 || '@example.com', 'partial_update', true,
		'fields', jsonb_build_object('token', i)))) FROM generate_series(1, 1000) i;
));

# Three of them; each transaction has the effect and the acknowledgement, and takes its time so that it can be killed.
my $consume = q(
	BEGIN;
	CREATE TEMP TABLE claimed ON COMMIT DROP AS SELECT * FROM contacts.claim('ledger', 5, '1 s');
	INSERT INTO effect SELECT event_id FROM claimed;
	SELECT pg_sleep(0.01);
	SELECT contacts.ack('ledger', lease, array_agg(event_id)) FROM claimed GROUP BY lease;
	COMMIT;
);
my @consumers = map {
	my $pid = fork;
	if (!$pid)
	{
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		system 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), map { ('-c', $_) } split /;\n/, $consume x 20 while 1;
	}
	$pid;
} 1 .. 3;

# In the server, so that on a busy machine killing is no slower than consuming.
my $killed = $node->safe_psql('postgres', q(
	CREATE FUNCTION kill_consumers(OUT killed bigint) LANGUAGE plpgsql AS $$
	BEGIN
		killed := 0;
		WHILE EXISTS (SELECT FROM contacts.delivery d JOIN contacts.consumer c USING (consumer_id) WHERE c.name = 'ledger') LOOP
			PERFORM pg_stat_clear_snapshot();
			killed := killed + (SELECT count(pg_terminate_backend(pid)) FROM (
				SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.01)%' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) k);
			PERFORM pg_sleep(0.1);
		END LOOP;
	END $$;
	SELECT kill_consumers();
), timeout => $PostgreSQL::Test::Utils::timeout_default);
kill 'KILL', @consumers;
waitpid $_, 0 for @consumers;
cmp_ok($killed, '>', 3, "backends were killed $killed times in the middle of a transaction");
is($node->safe_psql('postgres', q(SELECT count(*), count(DISTINCT event_id), (SELECT count(*) FROM contacts.event) FROM effect)),
	'1000|1000|1000', 'each event had its effect exactly once');

# What was there before the worker came; then what no notification tells of.
my ($out, $err) = ('', '');
my $worker = start([ 'contact-worker', '--dbname', $node->connstr('postgres'), '--consumer', 'late' ], '>', \$out, '2>', \$err,
	timeout($PostgreSQL::Test::Utils::timeout_default));
$worker->pump until ($out =~ tr/\n//) >= 1000;
is(scalar(() = $out =~ /"event_id"/g), 1000, 'a worker that connects late gets everything');
$out = '';
$node->safe_psql('postgres', q(SET contact_upsert.notify = off;
	SELECT contact_upsert('{"email_address":"c1@example.com","partial_update":true,"fields":{"token":"silent"}}')));
$worker->pump until $out =~ /\n/;
like($out, qr/"new": ?"silent"/, 'and what it was not told of');
$worker->signal('TERM');
$worker->finish;
is($worker->result(0), 0, 'and leaves when it is told to');
is($err, qq(contact-worker: listening on "contact_automation"\n), 'without a complaint');
ok($node->poll_query_until('postgres', q(SELECT pending + leased + dead = 0 FROM contacts.event_lag WHERE consumer = 'late')), 'everything is acknowledged');

done_testing();
