# What contacts.undo_import() reads for a contact does not grow with the contacts that it undoes at once, of a role to which row level security
# applies, on tables that nobody has analyzed: rows are counted in what its plans have done.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\nsession_preload_libraries = 'auto_explain'");
$node->start;
$node->safe_psql('postgres', q(
	CREATE ROLE member LOGIN;
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_field('name', 'Name'), contacts.define_field('city', 'City'), contacts.define_tag('known'), contacts.grant_access('member', 1);
	SELECT contacts.upsert_many((SELECT jsonb_agg(jsonb_build_object('email_address', n || '@example.com', 'tags', '["known"]'::jsonb)) FROM generate_series(1, 500) n));
	CREATE TABLE public.staged AS SELECT n || '@example.com' AS email, 'Name ' || n AS name, 'City ' || n AS city, 'known;tag ' || n % 3 AS tags FROM generate_series(1, 1000) n;
	GRANT SELECT ON public.staged TO member));
$node->safe_psql('postgres', q(CALL contacts.import('public.staged', create_tags => true)), extra_params => [ '-U', 'member' ]);

# How many rows all plans of a statement have passed on, for each contact.
sub rows_for_each
{
	my ($user, $sql) = @_;
	my $begin = -s $node->logfile;
	$node->safe_psql('postgres', $sql, extra_params => [ '-U', $user ]);
	my $log = substr slurp_file($node->logfile), $begin;
	my ($statements, $rows) = (0, 0);
	$statements++ while $log =~ /Query Text: \s*WITH change AS/g;
	$rows += $1 * $2 while $log =~ /actual rows=([\d.]+) loops=(\d+)/g;
	ok($statements, "$user: there are plans");
	return $rows / 1000;
}
$node->safe_psql('postgres', q(ALTER SYSTEM SET auto_explain.log_min_duration = 0; ALTER SYSTEM SET auto_explain.log_analyze = on; ALTER SYSTEM SET auto_explain.log_timing = off;
	ALTER SYSTEM SET auto_explain.log_nested_statements = on; SELECT pg_reload_conf()));
my $owner = $node->safe_psql('postgres', 'SELECT current_user');
for my $user ($owner, 'member')
{
	cmp_ok(rows_for_each($user, q(CALL contacts.undo_import(1, dry_run => true))), '<', 150, "$user: rows for a contact, of a dry run");
}
cmp_ok(rows_for_each('member', q(CALL contacts.undo_import(1))), '<', 300, 'member: rows for a contact');
is($node->safe_psql('postgres', q(SELECT restored, deleted, kept FROM contacts.import_progress)), '500|500|0', 'which are restored and deleted');

done_testing();
