# What an array costs beside its rows: one index scan of contacts.contact for each contact, whether it is new or changes, no scan of the
# whole table, however small the planner believes it to be, and few subtransactions.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('score', 'Score', 'NUMBER');
	CREATE ROLE member;
	SELECT contacts.grant_access('member', 1);
	CREATE FUNCTION requests(first int, last int, score int) RETURNS jsonb LANGUAGE sql AS $$
		SELECT jsonb_agg(jsonb_build_object('email_address', 'c' || i || '@example.com', 'fields', jsonb_build_object('score', score)))
		FROM generate_series(first, last) i
	$$;
));

# Returns the outcomes, and the scans of contacts.contact by an index and as a whole.
sub run_array
{
	my ($role, $first, $last, $score, $before) = @_;
	return $node->safe_psql('postgres', sprintf q(
		SET ROLE %s;
		%s
		BEGIN;
		SELECT outcome, count(*) FROM contacts.upsert_many(requests(%d, %d, %d), workspace_id => 1) GROUP BY 1;
		SELECT idx_scan, seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'contacts.contact'::regclass;
		COMMIT;), $role, $before // '', $first, $last, $score);
}

my $owner = $node->safe_psql('postgres', 'SELECT current_user');
is(run_array($owner, 1, 500, 1), "created|500\n500|0", 'new contacts in an empty table');
is(run_array($owner, 1, 500, 2), "updated|500\n500|0", 'contacts that change');
is(run_array('member', 1, 500, 3), "updated|500\n500|0", 'the same for a member under row level security');
is(run_array('member', 501, 1000, 3), "created|500\n500|0", 'and new ones');
is(run_array($owner, 1, 1000, 3), "unchanged|1000\n1000|0", 'contacts that stay as they are');
$node->safe_psql('postgres', 'VACUUM ANALYZE contacts.contact');
is(run_array($owner, 1, 1000, 4), "updated|1000\n1000|0", 'a table whose size the planner knows');
is(run_array($owner, 1, 1000, 5, 'SET contact_upsert.fast_path = off;'), "updated|1000\n2000|0", 'the general statement comes to each row once more');
is(run_array($owner, 1, 1000, 6 + length, "SET $_ = off;"), "updated|1000\n1000|0", "$_ = off changes nothing") for qw(enable_tidscan enable_nestloop);

# More subtransactions than PostgreSQL keeps in shared memory would make every session's snapshots dearer.
my $xids = $node->safe_psql('postgres', q(
	SELECT pg_current_xact_id() AS before \gset
	SELECT count(*) FROM contacts.upsert_many(requests(10001, 40000, 1), results => 'failed', workspace_id => 1);
	SELECT pg_current_xact_id()::text::bigint - :before;));
like($xids, qr/^0\n/, 'all are created');
cmp_ok((split /\n/, $xids)[1], '<=', 40, 'an array of 30,000 new contacts takes few transaction ids');

done_testing();
