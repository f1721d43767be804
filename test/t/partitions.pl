# Hash-partitioned installations (docs/scale-out.md, "Hash-partitioned on one server"). All tests in SQL expect the same of them; and as a
# partitioned installation refuses the fast path, they show at once that the statements do what it does. Then what takes more than a
# session: dumps, how rows come from an installation into one of another number of partitions, install() of two sessions at once.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nwal_level = logical\nmax_prepared_transactions = 20\ntimezone = UTC\n");
$node->start;

my @tables = qw(contact delivery event history statistics);
my $named = join ', ', map { "'$_'" } @tables;
my $kinds = "SELECT concat_ws(' ', relname, relkind, (SELECT count(*) FROM pg_inherits i WHERE i.inhparent = c.oid)) FROM pg_class c
	WHERE c.relnamespace = 'contacts'::regnamespace AND c.relname IN ($named) ORDER BY 1";

# What a database's tables are: r for plain ones, p and how many partitions for others.
sub kinds_are
{
	my ($database, $kind, $partitions, $name) = @_;
	is($node->safe_psql($database, $kinds), join("\n", map { "$_ $kind $partitions" } @tables), $name);
	return;
}

# What PostgreSQL says of a partition is expected of the table: its name stands in its errors and its plans. So does the width of columns.
sub of_tables
{
	my ($text) = @_;
	$text =~ s/\b(contact|delivery|event|history|statistics)_[0-2](?=_|\b)/$1/g;
	$text =~ s/(_fkey)\d\b/$1/g;
	$text =~ s/-[-+]*-/-/g;
	$text =~ s/[ \t]+/ /g;
	$text =~ s/ (?=\n|\|)//g;
	return $text;
}

# Each test in a database where install() makes partitions.
my $suites = $ENV{TESTDIR};
my $bin = $node->config_data('--bindir');
for my $suite ([ 'regress', $ENV{PG_REGRESS}, glob "$suites/test/sql/*.sql" ],
	[ 'isolation', $ENV{PG_REGRESS} =~ s!regress/pg_regress$!isolation/pg_isolation_regress!r, glob "$suites/test/specs/*.spec" ])
{
	my ($name, $program, @tests) = @$suite;
	my @names = map { /([^\/]+)\.\w+$/ } @tests;
	cmp_ok(scalar @names, '>', 20, "$name: there are tests");
	$node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
	$node->safe_psql('postgres', join ';', map { "ALTER DATABASE $name SET $_" }
		"lc_messages = 'C'", "lc_monetary = 'C'", "lc_numeric = 'C'", "lc_time = 'C'", 'bytea_output = hex', "timezone_abbreviations = 'Default'");
	$node->safe_psql($name, slurp_file("$suites/test/t/partitions.sql"));
	$node->safe_psql($name, 'CREATE EXTENSION contact_upsert; SELECT contacts.install()');
	kinds_are($name, 'p', 3, "$name: the tables are partitioned");
	$node->safe_psql($name, 'SET client_min_messages = warning; DROP EXTENSION contact_upsert CASCADE; CREATE EXTENSION contact_upsert');
	run_command([ 'sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', $suites, $program, '--inputdir=test', '--outputdir=.',
		"--bindir=$bin", '--use-existing', "--dbname=$name", '--host=' . $node->host, '--port=' . $node->port, @names ]);
	for my $test (@names)
	{
		my $result = "$suites/results/$test.out";
		# as pg_regress has it: any of them
		my @expected = ("$suites/expected/$test.out", grep { -e } map { "$suites/expected/${test}_$_.out" } 1 .. 9);
		my $found = -e $result ? of_tables(slurp_file($result)) : '';
		ok((grep { $found eq of_tables(slurp_file($_)) } @expected), "$name: $test") or diag((run_command([ 'diff', '-U3', $expected[0], $result ]))[0]);
	}
}
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing has crashed');

# A dump carries the partitions, with what protects them.
my $contents = q(SELECT workspace_id, email_address, version, data, tags FROM contacts.contact ORDER BY 1, 2;
	SELECT workspace_id, contact_version, type FROM contacts.event ORDER BY event_id; SELECT workspace_id, event_id FROM contacts.delivery ORDER BY 2;
	SELECT workspace_id, contact_version, changes FROM contacts.history ORDER BY history_id; SELECT workspace_id, total_opens FROM contacts.statistics ORDER BY 1, 2);

# An installation with rows in all tables, of several workspaces.
sub fill
{
	my ($database) = @_;
	$node->safe_psql($database, q(
		SELECT contacts.define_workspace('workspace ' || n, history => 'all') FROM generate_series(2, 9) n;
		SELECT contacts.define_field('name', 'Name', tracked => true, workspace_id => n) FROM generate_series(1, 9) n;
		SELECT contacts.subscribe('mailer', workspace_id => 0);
		SELECT contacts.upsert_many(jsonb_build_array(r || '{"fields":{"name":"a"}}', r || '{"fields":{"name":"b"},"tags":["vip"],"create_tags":true}'), workspace_id => n)
			FROM generate_series(1, 9) n, LATERAL (SELECT jsonb_build_object('email_address', 'a' || n || '@example.com')) r (r);
		SELECT contacts.record(id, 'total_opens', workspace_id, workspace_id) FROM contacts.contact));
	return;
}

# What a restored installation must still be able to do.
sub works
{
	my ($database, $name) = @_;
	is($node->safe_psql($database, q(
		SELECT count(*) FROM contacts.upsert_many('[{"email_address":"a3@example.com","fields":{"name":"c"}},{"email_address":"new@example.com"}]', workspace_id => 3) WHERE outcome IN ('updated', 'created');
		SELECT count(*) FROM contacts.event WHERE workspace_id = 3 AND contact_version = 3;
		DELETE FROM contacts.contact WHERE workspace_id = 4;
		SELECT count(*) FROM contacts.statistics WHERE workspace_id = 4;
		SELECT count(*) FROM pg_class WHERE relnamespace = 'contacts'::regnamespace AND relkind IN ('r', 'p') AND NOT relrowsecurity)), "2\n2\n0\n0", $name);
	return;
}

# Dumps a database, with those options, into a file.
sub dump_of
{
	my ($database, @options) = @_;
	my $file = $node->basedir . "/$database.sql";
	$node->command_ok([ 'pg_dump', '--file', $file, @options, '--dbname', $node->connstr($database) ], "a dump of $database: @options");
	return $file;
}

# Reads a dump; nothing in it may fail.
sub restore
{
	my ($database, $file) = @_;
	$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $file, '-d', $node->connstr($database) ], "restored into $database");
	return;
}

$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(plain three restored five from_plain);
$node->safe_psql('plain', 'CREATE EXTENSION contact_upsert; SELECT contacts.install()');
$node->safe_psql('three', 'CREATE EXTENSION contact_upsert; SELECT contacts.install(partitions => 3)');
kinds_are('plain', 'r', 0, 'install() alone makes plain tables');
fill($_) for qw(plain three);
my $stored = $node->safe_psql('three', $contents);
is($node->safe_psql('plain', $contents), $stored, 'partitioned tables and plain ones hold the same');

restore('restored', dump_of('three'));
kinds_are('restored', 'p', 3, 'a dump carries the partitions');
is($node->safe_psql('restored', $contents), $stored, '... and the rows');
is($node->safe_psql('restored', 'SELECT contacts.install() = contacts.install(partitions => 3)'), 't', '... and install() finds them');
works('restored', '... which work');

# How rows come from one number of partitions to another: what the error says that there is instead.
my (undef, undef, $hint) = $node->psql('three', 'SELECT contacts.install(partitions => 5)');
like($hint, qr/contacts\.contact has 3 partitions/, 'another number is refused');
my @moving = $hint =~ /pg_dump((?: --\S+?)+)\.$/m ? split(' ', $1) : ();
is(scalar @moving, 3, '... and the hint has the options of pg_dump') or diag($hint);
for my $way ([ 'three', 'five', 5 ], [ 'plain', 'from_plain', 3 ])
{
	my ($from, $to, $partitions) = @$way;
	$node->safe_psql($to, "CREATE EXTENSION contact_upsert; SELECT contacts.install(partitions => $partitions)");
	restore($to, dump_of($from, @moving));
	kinds_are($to, 'p', $partitions, "rows of $from, in $partitions partitions");
	is($node->safe_psql($to, $contents), $stored, '... all of them');
	works($to, '... and they work');
}

# Workspaces that would meet the one which install() makes: as the hint has it, that one goes first.
$node->safe_psql('plain', q(DELETE FROM contacts.workspace WHERE workspace_id = 1; SELECT contacts.define_workspace('default', workspace_id => 2)));
$node->safe_psql('postgres', 'CREATE DATABASE without_first');
$node->safe_psql('without_first', 'CREATE EXTENSION contact_upsert; SELECT contacts.install(partitions => 4)');
my ($delete) = $hint =~ /(DELETE FROM contacts\.workspace)\b/;
$node->safe_psql('without_first', "$delete; DELETE FROM contacts.deleted_workspace");
restore('without_first', dump_of('plain', @moving));
is($node->safe_psql('without_first', $contents), $node->safe_psql('plain', $contents), 'rows without workspace 1: all of them');
is($node->safe_psql('without_first', q(SELECT string_agg(workspace_id || ' ' || name, ', ' ORDER BY workspace_id) FILTER (WHERE workspace_id < 4) FROM contacts.workspace)),
	'2 default, 3 workspace 3', '... and no workspace besides');
works('without_first', '... and they work');

# Two sessions at once: the second one waits, and finds what it asked for, or another number.
for my $second (3, 4)
{
	my $database = "together_$second";
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION contact_upsert');
	my @sessions = map { $node->background_psql($database, on_error_stop => 0) } 1 .. 2;
	$sessions[0]->query_safe('BEGIN; SELECT contacts.install(partitions => 3)');
	$sessions[1]->query_until(qr/started/, "\\echo started\nSELECT contacts.install(partitions => $second) = contacts.install();\n\\echo ended\n");
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = '$database' AND wait_event_type = 'Lock'")
		or die 'nobody waits';
	$sessions[0]->query_safe('COMMIT');
	my $said = $sessions[1]->query_until(qr/ended/, '');
	$second == 3 ? like($said, qr/^t$/m, 'two sessions that install the same at once')
		: like($sessions[1]->{stderr}, qr/contacts\.contact has 3 partitions/, 'two sessions that install something else at once');
	$sessions[1]->{stderr} = '';
	kinds_are($database, 'p', 3, '... leave what the first one made');
	$_->quit for @sessions;
}

# A role of its own installs, and another one cannot take its tables over.
$node->safe_psql('postgres', 'CREATE ROLE keeper LOGIN; CREATE ROLE other LOGIN; CREATE DATABASE of_keeper');
$node->safe_psql('of_keeper', 'CREATE EXTENSION contact_upsert');
$node->safe_psql('of_keeper', "GRANT USAGE, CREATE ON SCHEMA contacts TO $_; GRANT USAGE ON SCHEMA contacts_internal TO $_;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA contacts, contacts_internal TO $_; GRANT EXECUTE ON FUNCTION contact_upsert(jsonb) TO $_;
	GRANT USAGE ON TYPE contacts.status, contacts.field_type, contacts.status_policy, contacts.history_level, contacts.event_type, contacts.outcome TO $_")
	for qw(keeper other);
$node->safe_psql('of_keeper', q(SELECT contacts.install(partitions => 2); SELECT contact_upsert('{"email_address":"arya@example.com"}')), extra_params => [ '-U', 'keeper' ]);
kinds_are('of_keeper', 'p', 2, 'a role that is no superuser installs');
is($node->safe_psql('of_keeper', "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'contacts'::regnamespace AND relkind IN ('r', 'p')"),
	'keeper', '... and owns each partition');
my ($status, undef, $refused) = $node->psql('of_keeper', 'SELECT contacts.install(partitions => 2)', extra_params => [ '-U', 'other' ]);
like($refused, qr/permission denied|must be owner/, 'another role installs nothing there');

$node->stop;
done_testing();
