# What a member can do by hand beside the functions: with contacts_internal.call_here() and its like, and with a connection of his own to a
# worker. Whatever he does, no row is in a shard that is not its workspace's, nobody sees another's rows, and no server crashes.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use ContactCitus;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

my ($coordinator, @workers) = start_cluster(2);
$coordinator->safe_psql('postgres', <<'SQL');
CREATE ROLE member LOGIN; CREATE ROLE tenant LOGIN; CREATE ROLE stranger LOGIN; CREATE ROLE watcher LOGIN;
CREATE EXTENSION contact_upsert;
SELECT contacts.install();
SELECT contacts.define_workspace('w' || n) FROM generate_series(2, 12) n;
SELECT contacts.define_field('name', 'Name', tracked => true, workspace_id => n), contacts.subscribe('mailer', workspace_id => n),
	contacts.upsert('{"email_address":"old@example.com"}', n) FROM generate_series(1, 12) n;
SELECT contacts.distribute(8);
SQL

# Two workspaces of the member's on one worker in different shards, one on the other worker, and one of another tenant's beside the first
my $places = 'SELECT w.n, s.shardid, s.nodeport FROM generate_series(1, 12) w (n)
	JOIN citus_shards s ON s.table_name = \'contacts.contact\'::regclass AND s.shardid = get_shard_id_for_distribution_column(\'contacts.contact\', w.n) ORDER BY w.n';
my %place = map { my ($n, $shard, $port) = split /\|/; $n => { shard => $shard, port => $port } } split /\n/, query($coordinator, $places);
my $own = 1;
my ($beside, $theirs) = grep { $_ != $own && $place{$_}{port} == $place{$own}{port} && $place{$_}{shard} != $place{$own}{shard} } sort { $a <=> $b } keys %place;
my ($away) = grep { $place{$_}{port} != $place{$own}{port} } sort { $a <=> $b } keys %place;
ok($beside && $theirs && $away, "workspaces $own, $beside and $theirs are in shards of one worker, $away is not");
my ($worker) = grep { $_->port == $place{$own}{port} } @workers;
my $shard = "contacts.contact_$place{$own}{shard}";
$coordinator->safe_psql('postgres', "SELECT contacts.grant_access('member', n) FROM unnest(ARRAY[$own, $beside, $away]) n;
	SELECT contacts.grant_access('tenant', $theirs); SELECT contacts.grant_monitoring('watcher')");

# What is where: each row of each table in the shard of its workspace's hash
sub rows_out_of_place
{
	my $counts = query($coordinator, <<'SQL');
SELECT s.nodeport, string_agg(format($f$SELECT count(*) AS n FROM contacts.%I t WHERE worker_hash(t.workspace_id) NOT BETWEEN %s AND %s$f$,
	split_part(s.shard_name, '.', 2), d.shardminvalue, d.shardmaxvalue), ' UNION ALL ')
FROM citus_shards s JOIN pg_dist_shard d USING (shardid) WHERE s.table_name::text LIKE 'contacts.%' GROUP BY 1
SQL
	my $found = 0;
	for my $line (split /\n/, $counts)
	{
		my ($port, $sql) = split /\|/, $line, 2;
		my ($node) = grep { $_->port == $port } @workers;
		$found += $node->safe_psql('postgres', "SELECT sum(n) FROM ($sql) c");
	}
	return $found;
}
is(rows_out_of_place(), 0, 'every row is in its place');

sub call_here
{
	my ($workspace, $call, $arguments, $settings) = @_;
	return "SELECT * FROM contacts_internal.call_here($workspace, '$call', $arguments, " . ($settings // "'{}'") . ')';
}

my $counts = 'SELECT (SELECT count(*) FROM contacts.contact), (SELECT count(*) FROM contacts.event), (SELECT count(*) FROM contacts.tag), (SELECT count(*) FROM contacts.consumer)';
my $before = query($coordinator, $counts);
for my $node ($coordinator, $worker)
{
	my $at = $node == $coordinator ? 'at the coordinator' : 'at the worker';

	# Another workspace than the one that Citus goes by
	for my $other ($beside, $away, $theirs, 'null')
	{
		my $named = $other eq 'null' ? 'NULL' : "'$other'";
		fails($node, call_here($own, 'upsert', qq(ARRAY['{"email_address":"m\@example.com"}', $named])), '22023', q(The call 'upsert' has a list of 1 arguments, and not of 2), "a second workspace, $other, $at", user => 'member');
		fails($node, call_here($own, 'search', qq(ARRAY['{}', '10', NULL, $named])), '22023', q(The call 'search' has a list of 3 arguments, and not of 4), "for rows, $other, $at", user => 'member');
		fails($node, qq(SELECT contacts_internal.call_there('define_tag', $own, 'm', 'M', $named)), '22023', q(The call 'define_tag' has a list of 2 arguments, and not of 3), "by call_there(), $other, $at", user => 'member');
	}
	fails($node, call_here($own, 'upsert', q('{}')), '22023', q(The call 'upsert' has a list of 1 arguments, and not of 0), "no argument, $at", user => 'member');
	fails($node, call_here($own, 'get', q('{{a,b}}')), '22023', q(The call 'get' has a list of 1 arguments), "an array of arrays, $at", user => 'member');
	fails($node, call_here($own, 'get', q('[0:0]={a}')), '22023', q(The call 'get' has a list of 1 arguments), "an array from 0, $at", user => 'member');

	# Every workspace, and one that there is not
	fails($node, call_here(0, 'claim', q('{mailer,1,1s}')), '0A000', 'No call can be for every workspace', "every workspace, $at");
	fails($node, q(SELECT contacts_internal.call_there('subscribe', 0, 'all', NULL, NULL, NULL)), '0A000', 'No call can be for every workspace', "call_there() for every workspace, $at");
	fails($node, call_here(-7, 'upsert', q(ARRAY['{"email_address":"m@example.com"}'])), '\w{5}', 'Workspace -7 does not exist', "workspace -7, $at");
	like(query($node, call_here($theirs, 'upsert', q(ARRAY['{"email_address":"m@example.com"}'])), user => 'member'), qr/may not act for workspace|does not exist/, "another's workspace, $at");
	like(query($node, call_here($own, 'get', q('{old@example.com}')), user => 'stranger'), qr/permission denied/, "a stranger, $at");
	like(query($node, call_here($own, 'get', q('{old@example.com}')), user => 'watcher'), qr/permission denied for function get/, "who monitors, $at");
	like(query($node, call_here($own, 'purge_events', q('{0,1000}')), user => 'member'), qr/permission denied for function purge_events/, "the owner's call, $at");

	# What does not write
	for my $sql (call_here($own, 'upsert', q(ARRAY['{"email_address":"m@example.com"}'])), qq(SELECT contacts_internal.call_there('upsert', $own, '{"email_address":"m\@example.com"}')))
	{
		like(query($node, "BEGIN READ ONLY; $sql; COMMIT", user => 'member'), qr/cannot execute contact_upsert\(\) in a read-only transaction/, "nothing is written in a read-only transaction, $at");
	}

	# What the settings can do
	like(query($node, call_here($own, 'get', q('{old@example.com}'), q('{on,nope}')), user => 'member'), qr/invalid value for parameter "contact_upsert.notify"/, "a bad setting, $at");
	like(query($node, call_here($own, 'get', q('{old@example.com}'), q(ARRAY[NULL]::text[])), user => 'member'), qr/null array element not allowed/, "a null for a setting, $at");
	like(query($node, call_here($own, 'get', q('{old@example.com}'), q('{on,events,notice,on,x}')), user => 'member'), qr/invalid input syntax/, "a bad process, $at");
}
is(query($coordinator, $counts), $before, 'nothing was written');
like(query($worker, call_here($own, 'upsert', q(ARRAY['{"email_address":"old@example.com","fields":{"name":"x"}}']), q('{off}')), user => 'member'), qr/^r/, 'a change without events');
is(query($coordinator, "SELECT count(*) FROM contacts.event e WHERE e.workspace_id = $own"), 1, 'raises them, for a member cannot turn them off');

# Nulls for every argument of every call: a strict function is not called
my @names = split /\n/, query($coordinator, q(SELECT DISTINCT p.proname FROM pg_proc p WHERE p.pronamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace) AND p.prokind = 'f'));
my (undef, undef, $unknown) = $worker->psql('postgres', join('', map { call_here($own, $_, q('{}')) . ";\n" } @names), on_error_stop => 0);
my %is_unknown = map { $_ => 1 } $unknown =~ /There is no call '(\w+)'/g;
my @calls = grep { !$is_unknown{$_} } @names;
cmp_ok(scalar @calls, '>', 30, 'calls: ' . join ' ', sort @calls);
my $null_calls = join '', map { my $name = $_; map { call_here($own, $name, "array_fill(NULL::text, ARRAY[$_])") . ";\n" } 0 .. 6 } @calls;
for my $node ($coordinator, $worker)
{
	for my $user ('member', undef)
	{
		my ($status, undef, $said) = $node->psql('postgres', "$null_calls SELECT 1/0 AS the_end;", on_error_stop => 0, extra_params => [ $user ? ('-U', $user) : () ]);
		like($said, qr/ERROR: .*division by zero\s*\z/s, 'nulls for all arguments of all calls, as ' . ($user // 'the owner'));
		unlike($said, qr/connection|terminat|recovery/, 'no server ends');
	}
}

# A worker's shards by hand: only a member's own rows, and only where they belong
my $manual = 'SET citus.override_table_visibility = off; SET citus.enable_manual_changes_to_shards = on;';
for my $node (@workers)
{
	my @shards = split /\n/, query($node, $manual . q( SELECT c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id'
		WHERE c.relnamespace = 'contacts'::regnamespace AND c.relkind = 'r' AND c.relname ~ '_\d+$' AND NOT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = c.oid)));
	cmp_ok(scalar @shards, '>', 30, 'there are shards');
	my $rows = join ' UNION ALL ', map { "SELECT workspace_id FROM $_" } grep { !/deleted_workspace|low_water_mark/ } @shards;
	my $all = query($node, "$manual SELECT count(DISTINCT workspace_id) FROM ($rows) r");
	is(query($node, "$manual SELECT string_agg(DISTINCT workspace_id::text, ',') FROM ($rows) r WHERE workspace_id NOT IN ($own, $beside, $away)", user => 'member'), '', "a member sees no other's of the rows of $all workspaces");
	like(query($node, "$manual SELECT count(*) FROM $_", user => 'stranger'), qr/permission denied/, "a stranger cannot read $_") for grep { /contacts\.(?:contact|member|event)_/ } @shards;
}
like(query($worker, "$manual INSERT INTO $shard (workspace_id, email_address) VALUES ($beside, 'm\@example.com')", user => 'member'), qr/violates row-level security/, 'INSERT of a workspace of another shard');
like(query($worker, "$manual INSERT INTO $shard (workspace_id, email_address) VALUES ($theirs, 'm\@example.com')", user => 'member'), qr/violates row-level security/, "INSERT of another's workspace");
like(query($worker, "$manual UPDATE $shard SET workspace_id = $beside, email_address = 'm\@example.com'", user => 'member'), qr/violates row-level security/, 'UPDATE to a workspace of another shard');
like(query($worker, "$manual COPY $shard (workspace_id, email_address) FROM stdin;\n$beside\tm\@example.com\n\\.\n", user => 'member'), qr/COPY FROM not supported with row-level security/, 'COPY');
$worker->safe_psql('postgres', 'SET citus.enable_ddl_propagation = off; CREATE SCHEMA own AUTHORIZATION member');
for my $sql ("INSERT INTO contacts.contact (workspace_id, email_address) VALUES ($beside, 'm\@example.com')", "UPDATE contacts.contact SET workspace_id = $beside, email_address = 'm\@example.com'")
{
	query($worker, "SET citus.enable_ddl_propagation = off; CREATE OR REPLACE FUNCTION own.below() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN $sql; END \$\$", user => 'member');
	like(query($worker, "$manual SELECT own.below() FROM $shard LIMIT 1", user => 'member'), qr/violates row-level security/, 'below a statement on a shard: ' . substr $sql, 0, 6);
}
is(query($worker, "$manual INSERT INTO $shard (workspace_id, email_address) VALUES ($own, 'm\@example.com')", user => 'member'), '', 'INSERT of the workspace of the shard');
# One statement on shards of two groups
my $shard_beside = "contacts.contact_$place{$beside}{shard}";
my $values = "(workspace_id, email_address) VALUES ($own, 'two\@example.com')";
for my $sql ("WITH w AS (INSERT INTO $shard_beside $values RETURNING 1) SELECT 1 FROM $shard LIMIT 1",
	"WITH w AS (SELECT 1 FROM $shard) INSERT INTO $shard_beside (workspace_id, email_address) SELECT $own, 'two\@example.com' FROM w LIMIT 1",
	"INSERT INTO $shard_beside (workspace_id, email_address) SELECT c.workspace_id, 'two\@example.com' FROM $shard c LIMIT 1",
	"UPDATE $shard_beside b SET workspace_id = $own, email_address = 'two\@example.com' FROM $shard c",
	"WITH w AS (DELETE FROM $shard_beside RETURNING 1) SELECT 1 FROM $shard LIMIT 1")
{
	fails($worker, "$manual $sql", '0A000', 'A statement that writes cannot be on shards of several groups', 'on shards of two groups: ' . $sql =~ s/contacts\.contact_\d+/a shard/gr, user => 'member');
}
my $held = query($worker, "$manual SELECT (SELECT count(*) FROM $shard), (SELECT count(*) FROM $shard_beside)");
like($held, qr/^[1-9]\d*\|[1-9]\d*$/, 'one that reads may be on both');
fails($worker, "$manual TRUNCATE $shard, $shard_beside CASCADE", '0A000', 'A statement that writes cannot be on shards of several groups', 'TRUNCATE of both');
is(query($worker, "$manual SELECT (SELECT count(*) FROM $shard), (SELECT count(*) FROM $shard_beside)"), $held, 'which have what they had');
like(query($coordinator, "UPDATE contacts.contact SET workspace_id = $beside WHERE workspace_id = $own", user => 'member'), qr/modifying the partition value/, 'UPDATE of a workspace at the coordinator');
is(rows_out_of_place(), 0, 'every row is in its place still');

# Who calls by hand holds the shard, too: it does not move away under what he writes.
my $session = $worker->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'member' ]);
$session->query_safe('BEGIN;' . call_here($own, 'upsert', q(ARRAY['{"email_address":"held@example.com"}'])));
my ($other) = grep { $_ != $worker } @workers;
my $move = "SELECT citus_move_shard_placement($place{$own}{shard}, '127.0.0.1', " . $worker->port . ", '127.0.0.1', " . $other->port . ", 'block_writes')";
my ($out, $said) = ('', '');
my $moving = IPC::Run::start([ 'psql', '-X', '-q', '-d', $coordinator->connstr('postgres'), '-c', $move ], '>', \$out, '2>', \$said, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
ok($worker->poll_query_until('postgres', q(SELECT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 8 AND NOT l.granted))), 'a shard does not move before he ends');
# Another one who comes while it is about to move, and whose call Citus does not send, waits; then it is not here.
my ($late_out, $late_said) = ('', '');
my $late = IPC::Run::start([ 'psql', '-X', '-q', '-d', $worker->connstr('postgres') . ' user=member', '-v', 'VERBOSITY=verbose', '-c', call_here($own, 'upsert', q(ARRAY['{"email_address":"late@example.com"}'])) . ' WHERE random() >= 0' ],
	'>', \$late_out, '2>', \$late_said, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
ok($worker->poll_query_until('postgres', q(SELECT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 8 AND l.mode = 'ShareLock' AND NOT l.granted))),
	'who calls by hand while a shard is about to move waits');
$session->query_safe('COMMIT');
$session->quit;
$moving->finish;
is($moving->result(0), 0, 'then it moves') or diag($said);
like(query($coordinator, "SELECT contacts.get('held\@example.com', $own)", user => 'member'), qr/held\@example.com/, 'with what he has written');
$late->finish;
like($late_said, qr/ERROR:  0A000: Workspace $own is on another server/, 'who has waited is refused') or diag($late_out);
is(query($coordinator, "SELECT contacts.get('late\@example.com', $own)"), '', 'and nothing of his is lost or written');
fails($worker, call_here($own, 'upsert', q(ARRAY['{"email_address":"late@example.com"}'])) . ' WHERE random() >= 0', '0A000', "Workspace $own is on another server", 'where it was it is not looked for', user => 'member');
is(rows_out_of_place(), 0, 'every row is in its place at the end');

# What has been granted by hand: distribute() takes it again from roles that have left, and not from the owner of the tables, nor from those
# that may call at the coordinator.
$coordinator->safe_psql('postgres', 'CREATE ROLE keeper; CREATE ROLE auditor; CREATE ROLE gone; ALTER TABLE contacts.contact OWNER TO keeper');
my $call_there = 'FUNCTION contacts_internal.call_there(text, bigint, text[])';
$coordinator->safe_psql('postgres', "GRANT EXECUTE ON $call_there TO auditor");
$_->safe_psql('postgres', "SET citus.enable_ddl_propagation = off; GRANT EXECUTE ON $call_there TO keeper, auditor, gone") for @workers;
$worker->safe_psql('postgres', "SET citus.enable_ddl_propagation = off; CREATE ROLE \"only \\ 'here\"; GRANT EXECUTE ON $call_there TO \"only \\ 'here\"");
is(query($coordinator, 'SELECT contacts.distribute()'), '', 'distribute() again, with a role that one server alone has');
is(query($_, q(SELECT string_agg(g.name, ' ' ORDER BY g.name) FROM pg_proc p, aclexplode(p.proacl) a, pg_get_userbyid(a.grantee) g (name)
	WHERE p.oid = 'contacts_internal.call_there(text, bigint, text[])'::regprocedure AND a.grantee <> p.proowner)), 'auditor keeper member tenant', $_->name . ': who may call there') for @workers;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP|terminated by signal/, $_->name . ' has not crashed') for $coordinator, @workers;

done_testing();
