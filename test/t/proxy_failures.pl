# What goes wrong between a proxy and its partitions: a clear error, nothing lost, nothing in two places, and nothing waits for ever.

use strict;
use warnings;

use ContactProxy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

require_plproxy();

my @partitions = map { start_partition("partition_$_", number => $_, of => 2) } 0, 1;
my $proxy = start_proxy_of('proxy', @partitions);
sub sql { my ($sql) = @_; return $proxy->safe_psql('postgres', $sql); }
sub contacts { return join '|', map { $_->safe_psql('postgres', 'SELECT count(*) FROM contacts.contact') } @partitions; }
sub upsert { my ($name, $workspace) = @_; return "SELECT contacts.upsert('{\"email_address\":\"$name\@example.com\"}', $workspace) IS NOT NULL"; }
sub set_option { my ($option, $value) = @_; return sql("ALTER SERVER contacts OPTIONS ($option '$value')"); }

# 'a' and 'b' are made in partition 1, 'c' in 0.
my ($one, $zero) = map { sql("SELECT contacts.define_workspace('$_')") } 'a', 'c';
is($one % 2 . $zero % 2, '10', 'each partition has a workspace');

# Transaction blocks: a rollback of the proxy's reaches no partition.
my $refused = qr/^ERROR:  25001: contacts?[._]\w+\(\) cannot run inside a transaction block of a proxy\nDETAIL:  It commits in its partition at once, and a rollback here would not undo it\.\nHINT:  Call it outside/m;
for my $call (upsert('a', $one), "SELECT contacts.apply('{}', $one)", "SELECT contacts.upsert_many('[]', workspace_id => $one)", "SELECT contacts.define_tag('x', workspace_id => $one)",
	"SELECT contacts.define_workspace('new')", "SELECT contacts.subscribe('x', workspace_id => $one)", "SELECT contacts.claim('x', workspace_id => $one)", "SELECT contacts.ack('x', 1, '{}', $one)",
	"SELECT contacts.erase('x', workspace_id => $one)", "SELECT contacts.purge_events('1 day')", "SELECT contacts.grant_monitoring('x')")
{
	like(answer_of($proxy, "BEGIN; $call; ROLLBACK"), $refused, "in a transaction block: $call");
}
my @blocks = (
	[ 'a savepoint', 'BEGIN; SAVEPOINT s; ' . upsert('a', $one) ],
	[ 'two statements in one message', undef, upsert('a', $one) . '; ' . upsert('b', $one) ],
	[ 'a block with EXCEPTION', 'DO $$ BEGIN PERFORM ' . (upsert('a', $one) =~ s/SELECT//r) . q(; EXCEPTION WHEN division_by_zero THEN NULL; END $$) ],
);
for my $block (@blocks)
{
	my ($name, $sql, $message) = @$block;
	like($message ? join('', map { $_ // '' } ($proxy->psql('postgres', '', extra_params => [ '-v', 'VERBOSITY=verbose', '-c', $message ]))[1, 2]) : answer_of($proxy, $sql), qr/25001: contact_upsert\(\) cannot run inside a transaction block/, $name);
}
is(contacts(), '0|0', 'nothing was written');
is(sql(sprintf 'BEGIN; SELECT contacts.get(\'x\', %d) IS NULL, (contacts.preview(\'{"email_address":"p@example.com"}\', %d)).outcome; ROLLBACK', $one, $one), 't|created', 'what only reads may be called there');
sql('SET contact_upsert_proxy.allow_in_transaction = on; BEGIN; ' . upsert('kept', $one) . '; ROLLBACK');
is(contacts(), '0|1', 'where the setting allows it, it is written, and a rollback does not undo it');
is(sql('DO $$ BEGIN PERFORM ' . (upsert('do', $one) =~ s/SELECT//r) . '; END $$; SELECT 1'), 1, 'one statement is no transaction block');
like(answer_of($proxy, 'SELECT contacts.upsert(v, w) IS NULL FROM (VALUES (1, \'{"email_address":"first@example.com"}\'::jsonb, ' . $one . "), (2, '{}', $zero)) v (i, v, w)"), qr/22004/, 'a statement with two calls fails at the second');
is($partitions[1]->safe_psql('postgres', q(SELECT count(*) FROM contacts.contact WHERE email_address = 'first@example.com')), 1, 'what the first has written stays');

# Reached with a wrong number: nothing is read or written.
my $before = contacts();
set_option("SET p0", connection_of($partitions[1]));
set_option("SET p1", connection_of($partitions[0]));
for my $call (upsert('a', $one), "SELECT contacts.get('a\@example.com', $one)", "SELECT contacts.define_workspace('another')", "SELECT contacts.purge_history('0')")
{
	my $called = $call =~ /workspace|purge/ ? '[01]' : 1;
	like(answer_of($proxy, $call), qr/^ERROR:  08004: This database was called as partition $called of 2, and is partition [01] of 2\.\nDETAIL:  Nothing was read or written\.\nHINT:  The options p0, p1/, "partitions that are swapped: $call");
}
is(sql('SELECT string_agg(problem, E\'\n\' ORDER BY number) FROM contacts.partitions()'), "This database was called as partition 0 of 2, and is partition 1 of 2.\n"
	. 'This database was called as partition 1 of 2, and is partition 0 of 2.', 'partitions() says so');
is(contacts(), $before, 'nothing was written');
set_option("SET p0", connection_of($partitions[0]));
set_option("SET p1", connection_of($partitions[0]));
like(answer_of($proxy, upsert('a', $one)), qr/called as partition 1 of 2, and is partition 0 of 2/, 'one database twice');
set_option("SET p1", connection_of($partitions[1]));
is(sql(upsert('a', $one)), 't', 'and right again, in new sessions');

# A workspace that is not there; a database without contact_upsert, and without its tables
like(answer_of($proxy, upsert('a', 98)), qr/^ERROR:  22023: Workspace 98 does not exist\.\nDETAIL:  \{"code": "WORKSPACE_NOT_FOUND"/, 'a workspace that does not exist');
$partitions[0]->safe_psql('postgres', 'CREATE DATABASE bare');
set_option("SET p0", connection_of($partitions[0]) =~ s/dbname=postgres/dbname=bare/r);
like(answer_of($proxy, upsert('a', $zero)), qr/^ERROR:  3F000: schema "contacts_internal" does not exist\n.*HINT:  Is partition 0 a database with the extension contact_upsert of version [0-9.]+ or later\?/s, 'a database without contact_upsert');
$partitions[0]->safe_psql('bare', 'CREATE EXTENSION contact_upsert');
like(answer_of($proxy, upsert('a', $zero)), qr/^ERROR:  08004: This database was called as partition 0 of 2, and is partition 0 of 1\./, 'one without its tables');
$partitions[0]->safe_psql('bare', 'SELECT contacts.install()');
like(answer_of($proxy, upsert('a', $zero)), qr/and is partition 0 of 1\.\n.*contacts\.set_partition\(\)/s, 'one without a number');
set_option("SET p0", connection_of($partitions[0]));

# Another version. Each library says its own; this one is made out of the other.
my ($version) = slurp_file('contact_upsert.control') =~ /^default_version *= *'(.*)'/m;
my ($library_dir) = map { s/\s+$//r } run_command([ 'pg_config', '--pkglibdir' ]);
my $library = slurp_file("$library_dir/contact_upsert.so");
my $copy = $proxy->basedir . '/newer.so';
my $other = '9' . substr($version, 1);
is(scalar($library =~ s/\Qcontact_upsert $version\E\0/contact_upsert $other\0/g), 1, 'a library of another version');
append_to_file($copy, $library);
my $function = q(CREATE OR REPLACE FUNCTION contacts.upsert(request jsonb, workspace_id bigint DEFAULT NULL) RETURNS jsonb LANGUAGE C AS '%s', 'contacts_proxy_upsert');
sql(sprintf $function, $copy);
like(answer_of($proxy, upsert('a', $zero)), qr/^ERROR:  55000: The proxy is of version \Q$other\E, newer than the library of contact_upsert in this partition, \Q$version\E\.\nHINT:  Partitions are upgraded before their proxies/, 'a proxy that is newer than its partition');
sql(sprintf $function, '$libdir/contact_upsert');
like(answer_of($partitions[0], "SELECT contacts_internal.serve('0.9.0 0 2 0', 'contacts.get', '{x,$zero}')"), qr/^!.*The proxy is of version 0\.9\.0, and the library of contact_upsert in this partition of \Q$version\E\./, 'a proxy that is too old');
like(answer_of($partitions[0], "SELECT contacts_internal.serve('$version 0 2 0', 'contacts.$_')"), qr/42883/, 'too few arguments') for 'get';
for my $name ('contacts.nothing', 'pg_catalog.pg_read_file', 'contacts.import', 'get', 'contacts.get; SELECT 1', 'x' x 200)
{
	like(answer_of($partitions[0], "SELECT contacts_internal.serve('$version 0 2 0', '$name', '{x,$zero}')"), qr/^!(42883\tThis partition has no function \Q$name\E with 2 arguments|42602\tinvalid name syntax)/, 'a function that is none: ' . substr($name, 0, 30));
}
for my $header ('', $version, "$version 0", "$version 0 2", "$version 0 2 x", "$version 0 2 1x", "$version 0 2 99999999999999999999", "$version  0 2 1")
{
	like(answer_of($partitions[0], "SELECT contacts_internal.serve('$header', 'contacts.get', '{x,$zero}')"), qr/^!(08P01\tThe call of the proxy has no header|55000\tThe proxy is of version ,)/, "a header that is none: '$header'");
}

# The same name at once, by many sessions: one workspace.
my $script = $proxy->basedir . '/define.sql';
append_to_file($script, "SELECT contacts.define_workspace('same ' || :client_id / 8);\n");
$proxy->command_ok([ 'pgbench', '--no-vacuum', '--file', $script, '--client', 16, '--jobs', 2, '--transactions', 5, 'postgres' ], 'two names defined by 16 sessions at once');
is(join(',', sort map { split /\n/ } map { $_->safe_psql('postgres', q(SELECT name FROM contacts.workspace WHERE name LIKE 'same%')) } @partitions), 'same 0,same 1', 'each name is there once');
# A name that was given by hand, or came with a split, need not be where it hashes to.
my $renamed = sql("SELECT contacts.define_workspace('renamed', workspace_id => contacts.define_workspace('before'))");
is(sql("SELECT contacts.define_workspace('renamed')"), $renamed, 'a workspace that was renamed is found');
my $other_one = sql("SELECT contacts.define_workspace('d')");
like(answer_of($proxy, "SELECT contacts.define_workspace('$_->[0]', workspace_id => $_->[1])"), qr/^ERROR:  23505: duplicate key value violates unique constraint "workspace_name_key"\nDETAIL:  Key \(name\)=\($_->[0]\) already exists\./, "no name of another workspace: $_->[0]")
	for [ 'a', $zero ], [ 'c', $one ];

# Each role as itself, by a user mapping of its own: row level security in the partitions holds.
for my $node (@partitions)
{
	$node->safe_psql('postgres', 'CREATE ROLE anna LOGIN; CREATE ROLE bert LOGIN; CREATE ROLE anyone LOGIN');
}
sql(q(CREATE ROLE anna LOGIN; CREATE ROLE bert LOGIN; CREATE ROLE anyone LOGIN; SELECT contacts.grant_proxy(r) FROM unnest('{anna,bert,anyone}'::name[]) r;
	CREATE USER MAPPING FOR anna SERVER contacts OPTIONS (user 'anna'); CREATE USER MAPPING FOR bert SERVER contacts OPTIONS (user 'bert')));
sql("SELECT contacts.grant_access('anna', $one), contacts.grant_access('bert', $zero)");
sub as { my ($role, $sql) = @_; return answer_of($proxy, $sql, '-U', $role); }
is(as('anna', upsert('of_anna', $one)), 't', 'a member writes in her workspace');
is(as('bert', upsert('of_bert', $zero)), 't', 'another in his');
like(as('anna', $_), qr/42501: permission denied for schema contacts_internal/, "she does not in his, where she is unknown: $_") for upsert('x', $zero), "SELECT contacts.get('of_bert\@example.com', $zero)", "SELECT * FROM contacts.search('{}', workspace_id => $zero)", "SELECT * FROM contacts.claim('x', workspace_id => $zero)";
my ($one_of_bert) = grep { $_ % 2 } split /\n/, sql(q(SELECT contacts.define_workspace('bert ' || i) FROM generate_series(1, 8) i));
sql("SELECT contacts.grant_access('bert', $one_of_bert), contacts.subscribe('his', workspace_id => $one_of_bert)");
is(as('bert', upsert('of_bert', $one_of_bert)), 't', 'he has one in her partition, too');
like(as('anna', $_), qr/Workspace $one_of_bert does not exist|may not act for workspace $one_of_bert/, "nor where she is known: $_") for upsert('x', $one_of_bert), "SELECT contacts.get('of_bert\@example.com', $one_of_bert)", "SELECT * FROM contacts.search('{}', workspace_id => $one_of_bert)", "SELECT * FROM contacts.claim('x', workspace_id => $one_of_bert)";
like(as('anna', $_), qr/42501/, "nor does she what is the owner's: $_") for "SELECT contacts.define_workspace('mine')", 'SELECT contacts.purge_events(\'0\')', "SELECT contacts.grant_access('anna', $zero)", "SELECT contacts.grant_proxy('anna')", "SELECT contacts.subscribe('x', workspace_id => 0)";
is(as('anna', 'SET ROLE anna; SELECT count(*) FROM contacts.consumer; SELECT count(*) FROM contacts.event_lag'), "0\n0", 'she sees no consumer of others');
like(as('anyone', upsert('x', $one)), qr/42704: user mapping not found/, 'a role without a mapping reaches no partition');
my $owner = sql('SELECT current_user');
sql("CREATE USER MAPPING FOR PUBLIC SERVER contacts OPTIONS (user '$owner')");
like(as('anyone', upsert('open', $one)), qr/42501: The user mapping of role anyone names another role without its password/, 'a mapping to another role has its password');
sql("ALTER USER MAPPING FOR PUBLIC SERVER contacts OPTIONS (ADD password 'not asked for here')");
is(as('anyone', upsert('open', $one)) . as('anyone', upsert('open', $zero)), 'tt', 'a mapping of PUBLIC to the owner opens every workspace to whoever may call the proxy');
sql('DROP USER MAPPING FOR PUBLIC SERVER contacts');
sql("SELECT contacts.revoke_proxy('anna')");
like(as('anna', upsert('x', $one)), qr/42501: permission denied/, 'revoke_proxy() takes it back');
is(sql(q(SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee = 'anna'::regrole) . '; ' . q(SELECT count(*) FROM pg_proc p, aclexplode(p.proacl) a WHERE a.grantee = 'anna'::regrole)), "0\n0", 'all of it');

# A slow partition
my $lock = $partitions[1]->background_psql('postgres') if $partitions[1]->can('background_psql');
SKIP:
{
	skip 'this PostgreSQL has no background_psql', 5 unless $lock && $lock->can('query_safe');
	$lock->query_safe("BEGIN; UPDATE contacts.contact SET status = 'UNSUBSCRIBED' WHERE workspace_id = $one");
	my $change = qq(SELECT contacts.upsert('{"email_address":"a\@example.com","status":"CLEANED"}', $one));
	my $start = time;
	like(answer_of($proxy, "SET statement_timeout = '1s'; $change"), qr/^ERROR:  57014: canceling statement due to statement timeout/, 'a statement_timeout of the proxy ends a call that waits');
	cmp_ok(time - $start, '<', 10, 'in time');
	is($partitions[1]->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%contacts_internal.answer%' AND pid <> pg_backend_pid())), 1, 'the partition goes on with it no more');
	$partitions[1]->safe_psql('postgres', q(ALTER DATABASE postgres SET statement_timeout = '500ms'));
	like(answer_of($proxy, $change), qr/^ERROR:  57014: canceling statement due to statement timeout/, 'so does a statement_timeout of the partition');
	$partitions[1]->safe_psql('postgres', q(ALTER DATABASE postgres RESET statement_timeout));
	is(sql(upsert('meanwhile', $zero)), 't', 'the other partition works');
	$lock->query_safe('ROLLBACK');
	$lock->quit;
}

# One that is down
my $session = $proxy->background_psql('postgres', on_error_stop => 0) if $proxy->can('background_psql');
SKIP:
{
	skip 'this PostgreSQL has no background_psql', 2 unless $session && $session->can('query');
	$session->query(upsert('session', $one));
	$partitions[1]->stop('immediate');
	$session->query('\set VERBOSITY verbose');
	$session->query(upsert('session', $one));
	like($session->{stderr}, qr/ERROR:  (08006|08001|57P0\d): /, 'a session whose connection is lost is told so');
	$session->{stderr} = '';
	$session->query(upsert('session', $one));
	like($session->{stderr}, qr/ERROR:  08001: Partition 1 cannot be reached\./, 'and at the next call that the partition is down');
	$session->quit;
}
$partitions[1]->stop('immediate') if -e $partitions[1]->data_dir . '/postmaster.pid';
like(answer_of($proxy, upsert('a', $one)), qr/^ERROR:  08001: Partition 1 cannot be reached\.\nDETAIL:  \[\w+\] PQconnect\w+: connection to server .*\nHINT:  Nothing was written\. Other partitions work; SELECT \* FROM contacts\.partitions\(\) shows which\.$/s, 'a partition that is down');
is(sql(upsert('up', $zero)), 't', 'the other one works');
is(sql('SELECT number, version, problem FROM contacts.partitions()'), "0|$version|\n1||Partition 1 cannot be reached.", 'partitions() shows which is which');
like(answer_of($proxy, "SELECT contacts.subscribe('all', workspace_id => 0)"), qr/^ERROR:  08001: Partition 1 cannot be reached/, 'a consumer of all workspaces is not registered');
is($partitions[0]->safe_psql('postgres', 'SELECT count(*) FROM contacts.consumer WHERE workspace_id = 0'), 0, 'not even in the partition that is up');
like(answer_of($proxy, 'TABLE contacts.event_lag'), qr/^ERROR:  08001/, 'a count of all is not the count of some');
like(answer_of($proxy, "SELECT contacts.define_workspace('of a down one')"), qr/^ERROR:  08001/, 'whether a name is taken is not known');
is(sql("SELECT contacts.define_workspace('c')"), $zero, 'that of a workspace that is there is');
$partitions[1]->start;
is(sql(upsert('a', $one)), 't', 'and up again');

# No server, no partitions
sql('DROP SERVER contacts CASCADE');
like(answer_of($proxy, upsert('a', $one)), qr/^ERROR:  55000: There is no server "contacts" that names the partitions\.\nHINT:  CREATE SERVER contacts FOREIGN DATA WRAPPER plproxy OPTIONS/, 'no server');

# Neither extension beside the other
like(answer_of($partitions[0], 'CREATE EXTENSION contact_upsert_proxy CASCADE'), qr/^ERROR:  42710: The extension contact_upsert is in this database, and a proxy has functions of the same names\./m, 'a proxy where the contacts are');
like(answer_of($proxy, 'CREATE EXTENSION contact_upsert'), qr/^ERROR:  42P06/, 'contacts at a proxy');
is(sql('DROP EXTENSION contact_upsert_proxy; SELECT count(*) FROM pg_namespace WHERE nspname LIKE \'contacts%\''), 0, 'DROP EXTENSION leaves nothing');

$_->stop for $proxy, @partitions;
done_testing();
