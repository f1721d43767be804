# The tests in SQL, as they are, on tables that are distributed as soon as contacts.install() has made them, at a coordinator with two workers.
#
# They answer as on plain tables. Where one does not, test/citus/differences/NAME.diff has each line that differs, and nothing else may: what
# Citus refuses (a trigger, a statement of the test's own that it cannot send to one server), and what docs/scale-out.md says is lost.
# WRITE_DIFFERENCES=directory writes these files anew, to be read before they are taken; REGRESS="a b" runs some tests. Left out are those that are about
# something else, and those in which what Citus refuses at the beginning makes most of the rest fail.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use ContactCitus;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %left_out = (
	behaviour => 'shows each call by a query of its own that Citus cannot send to one server',
	contact_rules => 'alters columns, and looks at many statements by functions that Citus cannot send',
	distributable => 'is about what plain tables are before they are distributed',
	erase => 'has consumers of every workspace, which are refused',
	erase_addresses => 'makes imports by hand, with numbers of the coordinator',
	event_ids => 'has consumers of every workspace, which are refused',
	events_consumer => 'has consumers of every workspace, which are refused',
	export => 'has consumers of every workspace, which are refused',
	installation => 'installs, drops and installs again, with plain tables',
	load_bad_input => 'is about import views, too, which are refused',
	load_owner => 'has types and functions of a role that the workers do not have',
	load_parameters => 'looks at contacts by a view that Citus cannot send to one server',
	load_resume => 'has triggers that read a table which the workers do not have',
	load_table => 'looks at contacts by a view that Citus cannot send to one server',
	load_undo => 'compares with a table that is made by a query which Citus cannot send to one server',
	load_undo_since => 'has functions in SQL that Citus cannot send',
	load_view => 'is about import views, which are refused',
	merge_events => 'has consumers of every workspace, which are refused',
	modes => 'counts events by a query that Citus cannot send to one server, among its imports',
	nested_calls => 'has triggers that write tables which the workers do not have',
	no_citus => 'is about a server without Citus',
	partitioned => 'is about partitioned tables, which are refused',
	partitions_installed => 'is about partitioned tables, which are refused',
	record_many => 'lists rows of several workspaces in the order of their servers',
	results => 'has functions in SQL that Citus cannot send',
	settings => 'is about a library that is not loaded at the start of the server',
	suppression => 'has functions in SQL that Citus cannot send',
	upsert_many_own_rules => 'alters the tables in ways that Citus refuses, before most of its statements',
	workspace_plans => 'is about partitioned tables, which are refused',
);

# What is put into the tests. Workers number what they make as one server does, so that answers can be compared. What a test makes for itself
# is in a schema that the workers have, too, and what the one before has left behind, because a statement failed, is dropped; a role that is no member any more can be dropped when they know.
my %added = (
	begin => <<'SQL',
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS temporary CASCADE;
CREATE SCHEMA temporary;
GRANT USAGE ON SCHEMA temporary TO PUBLIC;
DO $do$
DECLARE
	left_behind record;
BEGIN
	FOR left_behind IN
		SELECT c.oid::regclass AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind
		FROM pg_class c
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
	LOOP
		EXECUTE format('DROP %s IF EXISTS %s CASCADE', left_behind.kind, left_behind.name);
	END LOOP;
END $do$;
RESET client_min_messages;
SQL
	distribute => <<'SQL',
SELECT contacts.distribute(2);
SELECT run_command_on_workers($cmd$
	SET citus.enable_ddl_propagation = off;
	DO $do$
	DECLARE
		owned record;
	BEGIN
		FOR owned IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relkind = 'S' AND c.relnamespace = 'contacts'::regnamespace AND c.relname <> 'definitions_version_seq' LOOP
			EXECUTE format('ALTER SEQUENCE %s MINVALUE 1 START 1 RESTART 1', owned.name);
		END LOOP;
	END $do$ $cmd$);
SQL
	complete => "SELECT contacts.distribute();\n",
);

my $suites = $ENV{TESTDIR};
my $inputs = "$suites/distributed";
mkdir $_ for $inputs, "$inputs/sql", "$inputs/expected", "$suites/results";
append_to_file("$inputs/add_$_.sql", "\\set ECHO none\n\\o /dev/null\n$added{$_}\\o\n\\set ECHO all\n") for keys %added;
my @names = grep { !$left_out{$_} } sort map { /([^\/]+)\.sql$/ } glob "$suites/test/sql/*.sql";
my %chosen = map { $_ => 1 } split ' ', $ENV{REGRESS} // '';
@names = grep { $chosen{$_} } @names if %chosen;
cmp_ok(scalar @names, '>', %chosen ? 0 : 20, 'there are tests');
note "left out: $_, $left_out{$_}" for sort keys %left_out;
for my $name (@names)
{
	my $sql = slurp_file("$suites/test/sql/$name.sql");
	$sql =~ s/^(SELECT contacts\.install\(\)[^\n]*;[^\n]*\n)(RESET client_min_messages;\n)?/$1\\i $inputs\/add_distribute.sql\n$2/m or die "$name does not install()";
	# Servers connect to each other as the role that calls.
	$sql =~ s/(CREATE ROLE \w+)(?! (?:NO)?LOGIN)(?=[ ;])/$1 LOGIN/g;
	$sql =~ s/\bpg_temp\./temporary./g;
	$sql =~ s/^(?=DROP ROLE )/\\i $inputs\/add_complete.sql\n/mg;
	append_to_file("$inputs/sql/$name.sql", "\\i $inputs/add_begin.sql\n$sql");
}

# What is different on every run, or everywhere: where a call was executed, the names of objects that an error loses on its way.
sub normal
{
	my ($text) = @_;
	for ($text)
	{
		s/^\\i \S*add_\w+\.sql\n\\set ECHO none\n.*?(?=^[^\n]*;\n|^--|^\\)//msg;
		s/(CREATE ROLE \w+) LOGIN/$1/g;
		s/_1\d{5}\b//g;
		s/\b[0-9a-f]{24}\b/<id>/g;
		s/\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d)?/<time>/g;
		s/127\.0\.0\.1:\d+/<server>/g;
		s/\b(?:pg_temp_\d+|temporary)(?=\.)/pg_temp/g;
		s/-[-+]*-/-/g;
		s/[ \t]+/ /g;
		s/ (?=\n|\|)//g;
		s/^CONTEXT: .*?\n(?:(?:PL\/pgSQL|SQL|while|COPY)[^\n]*\n)*//mg;
		s/^while executing command on [^\n]*\n//mg;
		s/^(?:SCHEMA NAME|TABLE NAME|COLUMN NAME|CONSTRAINT NAME|LOCATION):[^\n]*\n//mg;
		s/^( ?object\|)[^\n]*/$1/mg;
		s/\((?:contacts\.\w+[^)\n]*|\.\. )\)/(<object>)/g;
		s/^WARNING: "[^\n]*" has dependency on unsupported object [^\n]*\nDETAIL: [^\n]* will be created only locally\n//mg;
		s/^DETAIL: from <server>\n//mg;
	}
	return $text;
}

# The lines that differ, without their places.
sub difference
{
	my ($expected, $found, $name) = @_;
	my @files = map { "$inputs/$name.$_" } 'expected', 'found';
	unlink @files;
	append_to_file($files[0], normal($expected));
	append_to_file($files[1], normal($found));
	my ($lines) = run_command([ 'diff', '-U0', @files ]);
	return join '', map { "$_\n" } grep { !/^(?:---|\+\+\+) \S*\Q$name\E\./ } map { s/^@@ .*/@@/r } split /\n/, $lines;
}

my ($coordinator) = start_cluster(2);
$coordinator->safe_psql('postgres', join ';', map { "ALTER DATABASE postgres SET $_" }
	"lc_messages = 'C'", "lc_monetary = 'C'", "lc_numeric = 'C'", "lc_time = 'C'", 'bytea_output = hex', "timezone_abbreviations = 'Default'", 'citus.enable_unsafe_triggers = on');
run_command([ 'sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', $suites, $ENV{PG_REGRESS}, "--inputdir=$inputs", '--outputdir=.',
	'--bindir=' . $coordinator->config_data('--bindir'), '--use-existing', '--dbname=postgres', '--host=' . $coordinator->host, '--port=' . $coordinator->port, @names ]);
for my $name (@names)
{
	my $result = "$suites/results/$name.out";
	my $found = -e $result ? slurp_file($result) : '';
	my ($difference) = sort { length $a <=> length $b } map { difference(slurp_file($_), $found, $name) } "$suites/expected/$name.out", grep { -e } map { "$suites/expected/${name}_$_.out" } 1 .. 9;
	my $known = "$suites/test/citus/differences/$name.diff";
	append_to_file("$ENV{WRITE_DIFFERENCES}/$name.diff", $difference) if $ENV{WRITE_DIFFERENCES} && $difference ne '';
	is($difference, -e $known ? slurp_file($known) : '', $name);
}
like(query($coordinator, q(SELECT count(*) FROM pg_dist_partition WHERE logicalrelid::text LIKE 'contacts.%')), qr/^1[0-9]$/, 'the tables of the last one are distributed');
unlike(slurp_file($coordinator->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing has crashed');

done_testing();
