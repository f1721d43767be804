# What contacts.search and contacts.get touch does not grow with the contacts: pages are counted, of a role to which row level security
# applies, among 30,000 contacts. The role's own statement for the same contacts shows what would grow.

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
	CREATE ROLE member LOGIN;
	CREATE EXTENSION contact_upsert;
	SELECT contacts.install();
	SELECT contacts.define_tag('rare'), contacts.define_tag('usual'), contacts.define_field('age', 'Age', 'NUMBER'), contacts.grant_access('member', 1);
));
# The first calls of a session that believes the table to be empty for a long time to come.
my ($in, $out) = ('', '');
my $psql = IPC::Run::start([ 'psql', '-XAtq', '-U', 'member', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>&1',
	IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
sub ask { my ($sql) = @_; $out = ''; $in .= "$sql;\n\\echo asked\n"; $psql->pump until $out =~ /asked\n/; (my $answer = $out) =~ s/asked\n//; return $answer }
my ($id, $address) = (sprintf('%024d', 29_999), '29999@example.com');
ask("SELECT contacts.get('$id'), contacts.get('$address')") for 1 .. 2;

$node->safe_psql('postgres', q(
	INSERT INTO contacts.contact (workspace_id, id, email_address, tags, data)
		SELECT 1, lpad(n::text, 24, '0'), n || '@example.com', CASE WHEN n % 6000 = 7 THEN '{1,2}' ELSE '{2}' END::bigint[], jsonb_build_object('age', n % 100)
		FROM generate_series(1, 30000) n;
));

# How many pages a statement touches.
sub pages
{
	my ($sql) = @_;
	my $plan = ask("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) $sql");
	my ($buffers) = $plan =~ /Buffers: (shared.*)/ or return -1;
	my $count = 0;
	$count += $_ for $buffers =~ /(?:hit|read)=(\d+)/g;
	return $count;
}
cmp_ok(pages("SELECT contacts.get('$id')"), '<', 30, 'get by id, as it was planned on the empty table');
cmp_ok(pages("SELECT contacts.get('$address')"), '<', 30, 'and by address');

$node->safe_psql('postgres', 'VACUUM ANALYZE contacts.contact');
is(ask("SELECT count(*) FROM contacts.search('{\"tags\":{\"all\":[\"rare\"]}}')"), "5\n", 'five contacts have a rare tag');
my $table = $node->safe_psql('postgres', q(SELECT relpages FROM pg_class WHERE oid = 'contacts.contact'::regclass));
cmp_ok(pages(q(SELECT count(*) FROM contacts.contact WHERE workspace_id = 1 AND tags @> '{1}')), '>=', $table, q(a member's own statement reads the table for them));
my %search = (
	'{"tags":{"all":["rare"]}}' => 100,
	'{"tags":{"any":["rare"]},"status":"SUBSCRIBED"}' => 100,
	'{"tags":{"all":["rare","usual"],"none":[]},"fields":{"age":7}}' => 100,
	'{}' => 450,
	'{"tags":{"all":["usual"]}}' => 450,
	'{"status":["SUBSCRIBED","CLEANED"]}' => 450,
);
for my $filter (sort keys %search)
{
	for my $after ('NULL', "'" . sprintf('%024d', 15_000) . "'")
	{
		my $pages = pages("SELECT * FROM contacts.search('$filter', after => $after, max => 100)");
		cmp_ok($pages, '>', 5, "$filter after $after: pages are counted");
		cmp_ok($pages, '<', $search{$filter}, "$filter after $after: few pages of $table");
	}
}
$in .= "\\q\n";
$psql->finish;

done_testing();
