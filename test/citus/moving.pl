# Shards move under load without an error or a lost write, a worker is added, and plain tables come back as contacts.install() makes them.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use ContactCitus;
use PostgreSQL::Test::Utils;
use Test::More;

# What the catalogue says of the tables, without oids.
my $catalogue = <<'SQL';
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid), co.collname
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		LEFT JOIN pg_collation co ON co.oid = a.attcollation
	WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind = 'r'
UNION ALL SELECT 'table', c.relname, array_to_string(c.reloptions, ','), c.relrowsecurity::text, c.relforcerowsecurity, '', pg_get_userbyid(c.relowner), obj_description(c.oid)
	FROM pg_class c WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind IN ('r', 'S')
UNION ALL SELECT 'constraint', t.relname, k.conname, pg_get_constraintdef(k.oid), true, '', '', '' FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid WHERE k.connamespace = 'contacts'::regnamespace
UNION ALL SELECT 'index', i.tablename, i.indexname, i.indexdef, true, '', '', '' FROM pg_indexes i WHERE i.schemaname = 'contacts'
UNION ALL SELECT 'trigger', t.relname, g.tgname, pg_get_triggerdef(g.oid), true, g.tgenabled, '', '' FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid WHERE t.relnamespace = 'contacts'::regnamespace AND NOT g.tgisinternal
UNION ALL SELECT 'policy', p.tablename, p.policyname, p.qual, true, '', p.with_check, p.cmd FROM pg_policies p WHERE p.schemaname = 'contacts'
UNION ALL SELECT 'privilege', c.relname, coalesce(pg_get_userbyid(nullif(x.grantee, 0)), 'PUBLIC'), x.privilege_type, x.is_grantable, '', '', ''
	FROM pg_class c, aclexplode(c.relacl) x WHERE c.relnamespace = 'contacts'::regnamespace
UNION ALL SELECT 'owned sequence', s.relname, t.relname, a.attname, true, '', '', '' FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.refobjsubid > 0
	JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid WHERE s.relkind = 'S' AND s.relnamespace = 'contacts'::regnamespace
ORDER BY 1, 2, 3, 4
SQL

my ($coordinator, @workers) = start_cluster(2);
$coordinator->safe_psql('postgres', <<'SQL');
CREATE ROLE member LOGIN;
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.define_workspace('w' || n) FROM generate_series(2, 8) n;
SELECT contacts.define_field('name', 'Name', tracked => true, workspace_id => n) FROM generate_series(1, 8) n;
SELECT contacts.grant_access('member', n) FROM generate_series(1, 8) n;
SELECT contacts.subscribe('mailer', workspace_id => n) FROM generate_series(1, 8) n;
SELECT contacts.upsert('{"email_address":"old@example.com"}', n) FROM generate_series(1, 8) n;
SQL
my $before = query($coordinator, $catalogue);
my $rows = q(SELECT workspace_id, email_address, data, version FROM contacts.contact ORDER BY 1, 2);
is(query($coordinator, 'SELECT contacts.distribute(4)'), '', 'distribute()');

# Load: clients that write, as a member, in all workspaces, for as long as shards move.
my $script = $coordinator->basedir . '/load.sql';
append_to_file($script, <<'SQL');
\set w random(1, 8)
\set n random(1, 200)
\set v random(1, 1000000)
SELECT contacts.upsert(jsonb_build_object('email_address', :n || '@example.com', 'fields', jsonb_build_object('name', :v::text)), :w);
SQL
my ($out, $said) = ('', '');
my $end = $coordinator->basedir . '/end';
my $load = IPC::Run::start([ 'sh', '-c', 'end=$1; shift; until [ -e "$end" ]; do "$@" || exit 1; done', 'sh', $end,
		'pgbench', '-n', '-c', '2', '-t', '60', '-f', $script, '-h', $coordinator->host, '-p', $coordinator->port, '-U', 'member', 'postgres' ],
	'>', \$out, '2>', \$said);
for my $move (1 .. 4)
{
	my ($shard, $from, $to) = split /\|/, query($coordinator, <<"SQL");
SELECT s.shardid, s.nodeport, o.nodeport FROM citus_shards s, pg_dist_node o
WHERE s.table_name = 'contacts.contact'::regclass AND o.groupid <> 0 AND o.nodeport <> s.nodeport ORDER BY (s.shardid + $move) % 4, 1 LIMIT 1
SQL
	is(query($coordinator, "SELECT citus_move_shard_placement($shard, '127.0.0.1', $from, '127.0.0.1', $to, 'force_logical')"), '', "shard move $move under load");
}
append_to_file($end, '');
$load->finish;
is($load->result(0), 0, 'the load ends well') or diag($said);
unlike($out, qr/number of failed transactions: [1-9]/, 'without an error') or diag("$out\n$said");
unlike($said, qr/ERROR/, 'and none was raised') or diag($said);
my $done = 0;
$done += $1 while $out =~ /actually processed: (\d+)/g;
cmp_ok($done, '>', 100, "$done calls");
is(query($coordinator, 'SELECT count(*) FROM contacts.contact'), query($coordinator, 'SELECT count(*) FROM (SELECT DISTINCT workspace_id, email_address FROM contacts.contact) c'),
	'no address is there twice');
# Each change of a name raised one event, each event waits for one consumer.
is(query($coordinator, 'SELECT sum(version - 1) FROM contacts.contact'), query($coordinator, 'SELECT count(*) FROM contacts.event'), 'as many events as changes');
is(query($coordinator, 'SELECT count(*) FROM contacts.event'), query($coordinator, 'SELECT count(*) FROM contacts.delivery'), 'and as many deliveries');
is(query($coordinator, q(SELECT count(*) FROM contacts.claim('mailer', 5, workspace_id => 1)), user => 'member'), 5, 'a consumer of a shard that has moved claims');
my $distributed_rows = query($coordinator, $rows);

# A worker that comes later
my $third = start_server('worker3');
add_worker($coordinator, $third);
is(query($coordinator, 'SELECT contacts.distribute()'), '', 'distribute() after a worker was added');
is(query($coordinator, "SELECT citus_move_shard_placement(s.shardid, '127.0.0.1', s.nodeport, '127.0.0.1', " . $third->port . ", 'block_writes')
	FROM (SELECT * FROM citus_shards WHERE table_name = 'contacts.contact'::regclass ORDER BY shardid LIMIT 1) s"), '', 'a shard moves there');
my $on_third = query($coordinator, 'SELECT min(n) FROM generate_series(1, 8) n, citus_shards s WHERE s.nodeport = ' . $third->port
	. " AND s.shardid = get_shard_id_for_distribution_column('contacts.contact', n)");
SKIP:
{
	skip 'no workspace is there', 1 unless $on_third;
	like(query($coordinator, qq(SELECT contacts.upsert('{"email_address":"third\@example.com"}', $on_third)), user => 'member'), qr/third\@example.com/, 'a member calls there');
	query($coordinator, qq(SELECT contacts.erase('third\@example.com', workspace_id => $on_third)));
}

# Back
is(query($coordinator, 'SELECT contacts.undistribute()'), '', 'undistribute()');
is(query($coordinator, $rows), $distributed_rows, 'all contacts are there');
is(query($coordinator, $catalogue), $before, 'the catalogue is as it was');
is(query($coordinator, q(SELECT count(*) FROM pg_dist_partition WHERE logicalrelid::text LIKE 'contacts.%')), 0, 'Citus has none of the tables');
like(query($coordinator, q(SELECT contacts.upsert('{"email_address":"after@example.com","fields":{"name":"x"}}', 3)), user => 'member'), qr/after\@example.com/, 'a call after it');
is(query($coordinator, q(SELECT contacts.define_workspace('w9') > 8, contacts.define_tag('t') > 0, contacts.subscribe('another') > 0)), 't|t|t', 'new ids are new');
is(query($coordinator, 'SELECT contacts.distribute(4)'), '', 'and distribute() once more');
is(query($coordinator, q(SELECT count(*) FROM contacts.contact)), query($coordinator, q(SELECT count(*) FROM contacts.contact c WHERE workspace_id > 0)), 'which has them');

done_testing();
