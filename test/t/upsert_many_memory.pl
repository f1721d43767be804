# What memory arrays take: not the more the longer a statement with many arrays lasts, nor the more the larger the contacts are.
# Bounds are on VmHWM, the most that a backend has had; where nothing bounded it, each of these took 200 MB to 1 GB.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'needs /proc' unless -r '/proc/self/status';

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# Shared memory counts, too.
$node->append_conf('postgresql.conf', "fsync = off\nshared_buffers = 4MB\nmax_wal_size = 4GB\nmin_wal_size = 80MB\nautovacuum = off\njit = off");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('text_' || i, 'Text ' || i, tracked => true) FROM generate_series(1, 16) i;
	CREATE FUNCTION most_memory() RETURNS bigint LANGUAGE sql AS $$
		SELECT substring(pg_read_file('/proc/self/status', 0, 100000) FROM 'VmHWM:\s*(\d+)')::bigint / 1024
	$$;
	-- Values of many parts: 64 bytes of a tree for 7 of jsonb.
	INSERT INTO contacts.contact (workspace_id, email_address, data)
		SELECT 1, 'parts' || i || '@example.com', data
		FROM generate_series(1, 100) i, (SELECT jsonb_build_object('parts', jsonb_agg('abc'::text)) AS data FROM generate_series(1, 140000)) d;
	-- Long values.
	INSERT INTO contacts.contact (workspace_id, email_address, data)
		SELECT 1, 'texts' || i || '@example.com', data
		FROM generate_series(1, 200) i, (SELECT jsonb_object_agg('text_' || n, repeat('x', 60000)) AS data FROM generate_series(1, 16) n) d;
	CREATE FUNCTION requests(kind text, count int, keys jsonb) RETURNS jsonb LANGUAGE sql AS $$
		SELECT jsonb_agg(jsonb_build_object('email_address', kind || i || '@example.com', 'partial_update', true) || keys)
		FROM generate_series(1, count) i
	$$;
));

# Runs a statement in a session of its own, behind a call that fills its caches; checks its answer, and its memory in MB.
sub check_memory
{
	my ($name, $sql, $expected, $bound) = @_;
	my ($before, $answer, $most) = split /\n/, $node->safe_psql('postgres',
		q(SELECT count(*) FROM contacts.upsert_many('[{"email_address":"first@example.com"}]');)
			. " SELECT most_memory(); $sql; SELECT most_memory();") =~ s/^1\n//r;
	is($answer, $expected, "$name: answers");
	cmp_ok($most - $before, '<', $bound, "$name: takes less than $bound MB");
	note("$name: $before MB before, $most MB at most");
}

check_memory('many arrays in a statement', q(
	SELECT count(*) FROM generate_series(1, 30000) i, LATERAL contacts.upsert_many(jsonb_build_array(jsonb_build_object(
		'email_address', 'c' || i % 10 || '@example.com')))), '30000', 30);
check_memory('large contacts, read', q(
	SELECT outcome, count(*) FROM contacts.upsert_many(requests('parts', 100, '{}')) GROUP BY 1), 'unchanged|100', 100);
check_memory('large contacts, written', q(
	SELECT outcome, count(*) FROM contacts.upsert_many(requests('parts', 100, '{"status":"CLEANED"}')) GROUP BY 1), 'updated|100', 100);
check_memory('large events', q(
	SELECT outcome, count(*) FROM contacts.upsert_many(requests('texts', 200,
		(SELECT jsonb_build_object('fields', jsonb_object_agg('text_' || n, '')) FROM generate_series(1, 16) n))) GROUP BY 1), 'updated|200', 100);
is($node->safe_psql('postgres', 'SELECT count(*) FROM contacts.event'), 200 * 16, 'large events: all are stored');

# Contacts that are refused, each by an error and a subtransaction.
$node->safe_psql('postgres', q(
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused' USING DETAIL = repeat('x', 10000); END $$;
	CREATE TRIGGER refuse BEFORE UPDATE ON contacts.contact FOR EACH ROW EXECUTE FUNCTION refuse();
));
check_memory('refused contacts', q(
	SELECT outcome, count(*) FROM generate_series(1, 100) i, LATERAL contacts.upsert_many(requests('texts', 200, '{"status":"CLEANED"}')) GROUP BY 1),
	'failed|20000', 100);

# A lack of memory, in PostgreSQL's half or in the core, is 53200; the session goes on.
$node->safe_psql('postgres', q(
	DROP TRIGGER refuse ON contacts.contact;
	SELECT contacts.define_field('many', 'Many', 'DROPDOWN_MULTIPLE', (SELECT array_agg('o' || i) FROM generate_series(1, 20000) i));
	CREATE TABLE lack AS SELECT jsonb_agg(jsonb_build_object('email_address', 'lack@example.com', 'fields', jsonb_build_object('many',
		(SELECT jsonb_agg('o' || i) FROM generate_series(1, 20000) i)))) AS requests;
	-- From now on the backend gets no more than so many bytes more.
	CREATE FUNCTION limit_memory(bytes bigint) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE format('COPY (SELECT) TO PROGRAM ''cat >/dev/null; prlimit --pid $PPID --as=%s''',
			substring(pg_read_file('/proc/self/status', 0, 100000) FROM 'VmSize:\s*(\d+)')::bigint * 1024 + bytes);
	END $$;
));
SKIP:
{
	skip 'needs prlimit', 4 if system('prlimit --version >/dev/null') != 0;
	my $core = 0;
	for my $call ('contact_upsert(requests -> 0)', 'contacts.upsert_many(requests)')
	{
		my %count;
		for my $step (0 .. 80)
		{
			my ($status, $out, $error) = $node->psql('postgres', sprintf(q(
					SELECT contacts.preview(requests -> 0) IS NULL FROM lack;
					SELECT limit_memory(%d);
					SELECT count(*) FROM lack, %s;
					SELECT 'alive'), $step * 128 * 1024, $call), extra_params => [ '-v', 'VERBOSITY=verbose' ], on_error_stop => 0);
			my $who = $error eq '' ? 'nobody' : $error !~ /53200: out of memory/ ? $error : $error =~ /DETAIL:/ ? 'the server' : 'the core';
			$who = "not alive: $out" if $out !~ /alive$/;
			$count{$who}++;
		}
		my $counts = join ', ', map { "$_: $count{$_}" } sort keys %count;
		like($counts, qr/^nobody: \d+(, the core: \d+)?, the server: \d+$/, "$call: who had too little memory");
		note($counts);
		$core += $count{'the core'} // 0;
	}
	cmp_ok($core, '>', 0, 'the core, too, had too little at times');
	is($node->safe_psql('postgres', q(SELECT jsonb_array_length(data -> 'many'), version FROM contacts.contact WHERE email_address = 'lack@example.com')),
		'20000|1', 'what had enough of it was done');
}

done_testing();
