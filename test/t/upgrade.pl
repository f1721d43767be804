# Versions: tables of an older one are brought to the newer with every row, and become what a fresh installation makes; library,
# script and tables that do not fit each other are an error that names the cure, or work.
#
# There are no files of another version to install, and no right to install them: the test makes a copy of PostgreSQL's
# installation, into which it puts this version of the extension and one that it makes out of it, the next, with a column, a
# function and an upgrade step more.

use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Writers;

use Installation;

my $control = slurp_file('contact_upsert.control');
my ($version) = $control =~ /default_version = '([0-9.]+)'/ or die 'no version';
(my $next = $version) =~ s/([0-9]+)$/$1 + 1/e;
(my $previous = $version) =~ s/^([0-9]+)/$1 - 1/e;

my %dir = copy_installation();
my $extension = "$dir{sharedir}/extension";
my $library = "$dir{pkglibdir}/contact_upsert.so";
my $bytes = slurp_file(pg_config('pkglibdir') . '/contact_upsert.so');

# Puts in place a library that says it is of that version.
sub put_library
{
	my ($wanted) = @_;
	my $changed = $bytes;

	($changed =~ s/contact_upsert \Q$version\E\0/contact_upsert $wanted\0/g) == 1 or die 'the library does not say its version';
	put_file("$library.new", $changed);
	# as a package does it: sessions that begin find one or the other
	rename "$library.new", $library or die "$library: $!";
	return;
}

# Changes a part of a text, which must be there.
sub change
{
	my ($text, $from, $to) = @_;

	(my $changed = $text) =~ s/$from/ref $to ? $to->() : $to/e or die "nothing to change: $from";
	return $changed;
}

sub function_of
{
	my ($script, $name) = @_;

	my ($text) = $script =~ /(CREATE FUNCTION \Q$name\E\(.*?^\$\$;\n)/ms or die "no function $name";
	$text =~ s/^CREATE/CREATE OR REPLACE/;
	return $text;
}

# This version, and the next one.
my $script = slurp_file("$extension/contact_upsert--$version.sql");
my $function = q{
CREATE FUNCTION contacts.nickname(id text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
	AS $$ SELECT c.nickname FROM contacts.contact c WHERE c.id OPERATOR(pg_catalog.=) $1 $$;
REVOKE ALL ON FUNCTION contacts.nickname(text) FROM PUBLIC;
};
my $column = 'ALTER TABLE contacts.contact ADD COLUMN nickname text;';
my $next_script = change($script, qr/(CREATE INDEX contact_tags_idx [^;]*;)/, sub { "$1\n\t$column" });
$next_script = change($next_script, qr/(-- A step from each version [^\n]*\n)/,
	sub { "$1\tIF version = '$version' THEN $column RETURN '$next'; END IF;\n" });
put_file("$extension/contact_upsert--$next.sql", $next_script . $function);
put_file("$extension/contact_upsert--$version--$next.sql", join "\n", $function,
	map { function_of($next_script, "contacts_internal.$_") } qw(install_contacts upgrade_tables));
put_file("$extension/contact_upsert--$previous.sql", $script);

my $node = PostgreSQL::Test::Cluster->new('main', install_path => dirname($dir{bindir}));
$node->init;
$node->start;

# Returns the error of a statement in a new session; an empty text if there is none.
sub error_of
{
	my ($database, $sql) = @_;
	my ($status, $out, $err) = $node->psql($database, $sql);
	return $err;
}

sub dump_of
{
	my ($database, @options) = @_;
	my ($out, $err) = run_command([ 'pg_dump', @options, '-h', $node->host, '-p', $node->port, $database ]);
	return $out;
}

# The tables as text, without what differs from one dump to the next.
sub tables_of
{
	my $dump = dump_of($_[0], '--schema-only');

	$dump =~ s/START WITH [0-9]+/START WITH n/g;
	$dump =~ s/^\\(un)?restrict .*\n//mg;
	return $dump;
}

# Everything that is the extension's own, as text.
sub members_of
{
	return $node->safe_psql($_[0], q(
		SELECT pg_describe_object(d.classid, d.objid, 0), obj_description(d.objid, d.classid::regclass::name), CASE d.classid
			WHEN 'pg_proc'::regclass THEN (SELECT pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') FROM pg_proc p WHERE p.oid = d.objid)
			WHEN 'pg_class'::regclass THEN (
				SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attacl), ', ' ORDER BY a.attnum)
					|| coalesce(r.relacl::text, '') || coalesce(r.reloptions::text, '') || coalesce(pg_get_viewdef(r.oid), '')
				FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid WHERE r.oid = d.objid GROUP BY r.oid)
			WHEN 'pg_type'::regclass THEN (
				SELECT concat_ws(' ', t.typtype, t.typacl, (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
					(SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
						FROM pg_attribute a WHERE a.attrelid = t.typrelid))
				FROM pg_type t WHERE t.oid = d.objid)
			WHEN 'pg_namespace'::regclass THEN (SELECT n.nspacl::text FROM pg_namespace n WHERE n.oid = d.objid)
			WHEN 'pg_event_trigger'::regclass THEN (
				SELECT concat_ws(' ', t.evtevent, t.evtfoid::regproc, t.evtenabled, t.evttags) FROM pg_event_trigger t WHERE t.oid = d.objid) END
		FROM pg_depend d
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
			AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'contact_upsert')
		ORDER BY 1));
}

my $upsert = q(SELECT contact_upsert('{"email_address":"%s@example.com","partial_update":true}') #>> '{data,status}');
my $rows = q(SELECT workspace_id, id, email_address, status, tags, data, version, created_at, updated_at FROM contacts.contact ORDER BY id);

# Makes a database with tables of that version, and rows in them.
sub make_database
{
	my ($database, $of) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE EXTENSION contact_upsert VERSION '$of'; SELECT contacts.install();"
		. q(SELECT contacts.define_field('name', 'Name', tracked => true);
			SELECT contact_upsert(jsonb_build_object('email_address', i || '@example.com', 'fields', jsonb_build_object('name', i::text),
				'tags', '["vip"]'::jsonb, 'create_tags', true)) FROM generate_series(1, 100) i;));
	return $node->safe_psql($database, $rows);
}

# Brings a database to another version, whose files it has put in place, while others write: what the README's Upgrading says.
sub upgrade_database
{
	my ($database, $from, $to, $before, $put_files) = @_;
	my $writers = Writers->start($node, $database, 3);

	$put_files->();
	# Sessions that have loaded the older library end.
	$writers->wait_for_calls;
	is($node->safe_psql($database, sprintf $upsert, '1'), 'SUBSCRIBED', "$from to $to: the newer library serves the older script and its tables");
	$node->safe_psql($database, 'ALTER EXTENSION contact_upsert UPDATE');
	is($node->safe_psql($database, sprintf $upsert, '2'), 'SUBSCRIBED', 'the newer script serves the older tables');
	is($node->safe_psql($database, 'SELECT contacts_internal.tables_version()'), $from, 'which say that they are older');
	is($node->safe_psql($database, 'SELECT contacts.install()'), $to, 'install() brings the tables to the new version');
	is($node->safe_psql($database, 'SELECT contacts.install()'), $to, 'and may run again');
	is($node->safe_psql($database, 'SELECT contacts.tables_version()'), $to, 'and they say so');
	$writers->stop("$from to $to");
	is($node->safe_psql($database, $rows), $before, 'every row is there');

	$node->safe_psql('postgres', "CREATE DATABASE fresh_for_$database");
	$node->safe_psql("fresh_for_$database", 'CREATE EXTENSION contact_upsert; SELECT contacts.install()');
	is(tables_of($database), tables_of("fresh_for_$database"), 'its tables are those of a fresh installation');
	is(members_of($database), members_of("fresh_for_$database"), 'and so is the extension');
	return;
}

SKIP:
{
	skip 'the server keeps no versions of modules before 18', 1 if $node->pg_version < 18;
	is($node->safe_psql('postgres', "LOAD 'contact_upsert'; SELECT version FROM pg_get_loaded_modules() WHERE module_name = 'contact_upsert'"),
		$version, 'the server knows the version of the library that it has loaded');
}

# Versions that were released: their scripts, frozen, to this one.
for my $frozen (glob 'test/upgrade/contact_upsert--*.sql')
{
	my ($released) = $frozen =~ /--([0-9.]+)\.sql$/;
	next if $released eq $version;
	(my $database = "released_$released") =~ tr/./_/;

	put_file("$extension/contact_upsert--$released.sql", slurp_file($frozen));
	upgrade_database($database, $released, $version, make_database($database, $released), sub { });
}

# This version to the next.
my $before = make_database('old', $version);
my $old_dump = "$ENV{TESTDATADIR}/old.sql";
put_file($old_dump, dump_of('old'));

# The script first: a library that is older than the script
my $session = $node->background_psql('old', on_error_stop => 0);
$session->query_safe(sprintf $upsert, '3');
$node->safe_psql('postgres', 'CREATE DATABASE early');
$node->safe_psql('early', "CREATE EXTENSION contact_upsert VERSION '$next'");
like(error_of('early', 'SELECT contacts.install()'),
	qr/library of contact_upsert is version \Q$version\E, older than the extension in this database, \Q$next\E.*HINT:  Connect anew.*install the files of contact_upsert \Q$next\E/s,
	'library older than the script: install() names the cure');

upgrade_database('old', $version, $next, $before, sub {
	put_library($next);
	put_file("$extension/contact_upsert.control", change($control, qr/\Q$version\E/, $next));
});
$session->query(sprintf $upsert, '4');
like($session->{stderr}, qr/library of contact_upsert is version \Q$version\E, older.*HINT:  Connect anew/s,
	'a session that loaded the old library is told to connect anew');
$session->quit;
is($node->safe_psql('old', "UPDATE contacts.contact SET nickname = 'One', version = version + 1 WHERE email_address = '1\@example.com';
		SELECT contacts.nickname(id) FROM contacts.contact WHERE email_address = '1\@example.com'"), 'One', 'the new column and the new function work');

# dumps between the versions
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $old_dump, 'restored' ], 'an old dump is restored into the new version');
is($node->safe_psql('restored', sprintf $upsert, '3'), 'SUBSCRIBED', 'the call works there');
is($node->safe_psql('restored', 'SELECT contacts.install()'), $next, 'install() brings it to the new version');
is($node->safe_psql('restored', $rows), $before, 'with every row');
is(tables_of('restored'), tables_of('fresh_for_old'), 'and its tables are those of a fresh installation');

my $new_dump = "$ENV{TESTDATADIR}/new.sql";
put_file($new_dump, dump_of('old'));
my $new_schema = "$ENV{TESTDATADIR}/new_schema.sql";
put_file($new_schema, dump_of('old', '--schema-only'));
put_library($version);
put_file("$extension/contact_upsert.control", $control);
for my $dump ($new_dump, $new_schema)
{
	my $what = $dump eq $new_dump ? 'a new dump' : 'the schema of a new dump';

	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS backwards', );
	$node->safe_psql('postgres', 'CREATE DATABASE backwards');
	$node->command_ok([ 'psql', '-X', '-q', '-f', $dump, 'backwards' ], "$what is restored into the old version");
	for my $call (sprintf($upsert, '4'), 'SELECT contacts.install()')
	{
		like(error_of('backwards', $call), qr/of version \Q$next\E.*HINT:.*nstall.* files.*ALTER EXTENSION contact_upsert UPDATE/s,
			"$call names the cure");
	}
}

# a script that is older than the library serves
$node->safe_psql('postgres', 'CREATE DATABASE previous');
$node->safe_psql('previous', "CREATE EXTENSION contact_upsert VERSION '$previous'");
like(error_of('previous', 'SELECT contacts.install()'),
	qr/extension contact_upsert in this database is version \Q$previous\E, and the library is \Q$version\E.*HINT:  ALTER EXTENSION contact_upsert UPDATE/s,
	'script older than the library serves: the error names the cure');

# tables that are older than the library serves
$node->safe_psql('postgres', 'CREATE DATABASE ancient');
$node->safe_psql('ancient', q(CREATE EXTENSION contact_upsert; SELECT contacts.install();
	CREATE OR REPLACE FUNCTION contacts.tables_version() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT '0.9.0'::pg_catalog.text $$));
like(error_of('ancient', sprintf $upsert, '1'),
	qr/contact tables of this database are of version 0\.9\.0, older than the extension, \Q$version\E\..*HINT:  SELECT contacts\.install\(\);/s,
	'tables older than the library serves: the error names the cure');
like(error_of('ancient', 'SELECT contacts.install()'), qr/of version 0\.9\.0, from which no upgrade leads on\.\nHINT: /,
	'install() knows no step from a version that was never released');

# a schema without its data
$node->safe_psql('postgres', 'CREATE DATABASE bare');
put_file($old_dump, dump_of('fresh_for_old', '--schema-only'));
put_library($next);
put_file("$extension/contact_upsert.control", change($control, qr/\Q$version\E/, $next));
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $old_dump, 'bare' ], 'a schema is restored without data');
is($node->safe_psql('bare', 'SELECT contacts.install(); ' . sprintf($upsert, '1')), "$next\nSUBSCRIBED", 'install() makes it work');

$node->stop;
done_testing();
