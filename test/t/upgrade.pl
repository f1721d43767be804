# Versions: tables of an older one are brought to the newer with every row, and become what a fresh installation makes, and so do the
# extension and contact_upsert_proxy; library, script and tables that do not fit each other are an error that names the cure, or work.
#
# Of every version that was released, test/upgrade/ has the scripts, which "make freeze" put there, and the test upgrades each to this
# version. 1.0.0 is the first version, so until there is a second one no older version exists, and none is upgraded. What an upgrade
# does is shown by the same functions with this version as the older one, frozen by the test, and a next one that the test makes out of
# it, with a column, functions and steps more.
#
# There is no right to install files of other versions: the test makes a copy of PostgreSQL's installation, into which it puts them.

use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use FilledTables;
use Installation;
use Writers;

my @extensions = qw(contact_upsert contact_upsert_proxy);
my $control = slurp_file('contact_upsert.control');
my ($version) = $control =~ /default_version = '([0-9.]+)'/ or die 'no version';
(my $next = $version) =~ s/([0-9]+)$/$1 + 1/e;
(my $previous = $version) =~ s/^([0-9]+)/$1 - 1/e;

my %dir = copy_installation();
my $extension = "$dir{sharedir}/extension";
my $library = "$dir{pkglibdir}/contact_upsert.so";
my $bytes = slurp_file(pg_config('pkglibdir') . '/contact_upsert.so');
# Debian has PL/Proxy for its own PostgreSQL alone.
my $has_proxy = -e "$extension/plproxy.control";

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

# Puts in place all files of a version.
sub put_files
{
	my ($wanted) = @_;

	put_library($wanted);
	put_file("$extension/$_.control", change(slurp_file("$_.control"), qr/'\Q$version\E'/, "'$wanted'")) for @extensions;
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

	my ($text) = $script =~ /(CREATE FUNCTION \Q$name\E\(.*?^\t?\$\$;\n)/ms or die "no function $name";
	$text =~ s/^CREATE/CREATE OR REPLACE/;
	return $text;
}

# This version, and the next one.
my %script = map { $_ => slurp_file("$extension/$_--$version.sql") } @extensions;
my $function = q{
CREATE FUNCTION contacts.nickname(contact text, workspace_id bigint DEFAULT NULL) RETURNS text %s;
COMMENT ON FUNCTION contacts.nickname(text, bigint) IS 'the nickname of a contact, by its address';
REVOKE ALL ON FUNCTION contacts.nickname(text, bigint) FROM PUBLIC;
};
my %function = (
	contact_upsert => sprintf($function, q{LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT c.nickname FROM contacts.contact c WHERE (c.workspace_id, c.email_address) = (coalesce($2, 1), $1) $$}),
	contact_upsert_proxy => sprintf($function, q{LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'contacts_proxy_read'}));
my $column = 'ALTER TABLE contacts.contact ADD COLUMN nickname text;';
my $next_script = change($script{contact_upsert}, qr/(CREATE INDEX contact_tags_idx [^;]*;)/, sub { "$1\n\t$column" });
$next_script = change($next_script, qr/(?='upsert', 'apply')/, "'nickname', "); # of what a member calls
$next_script = change($next_script, qr/(-- A step from each version [^\n]*\n)/,
	sub { "$1\tIF version = '$version' THEN $column RETURN '$next'; END IF;\n" });
put_file("$extension/contact_upsert--$next.sql", $next_script . $function{contact_upsert});
put_file("$extension/contact_upsert--$version--$next.sql", join "\n", $function{contact_upsert},
	map { function_of($next_script, "contacts_internal.$_") } qw(install_contacts upgrade_tables member_privileges));
put_file("$extension/contact_upsert_proxy--$next.sql", $script{contact_upsert_proxy} . $function{contact_upsert_proxy});
put_file("$extension/contact_upsert_proxy--$version--$next.sql", $function{contact_upsert_proxy});
put_file("$extension/contact_upsert--$previous.sql", $script{contact_upsert});

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
	is($err, '', "pg_dump of $database");
	return $out;
}

# The tables as text, each object by itself: without what FilledTables made beside them, and what differs from one dump to the next.
sub tables_of
{
	my $dump = dump_of($_[0], '--schema-only', '--exclude-schema=app');

	$dump =~ s/START WITH [0-9]+/START WITH n/g;
	return map { s/^(--|SET |\\(un)?restrict ).*\n//mgr =~ s/^\n+//mgr } split /^(?=-- Name: )/m, $dump;
}

# Everything that is an extension's own, as text. Of its relations all are views: a table would have constraints, indexes and policies, too,
# and a member of a kind that is not here something else.
sub members_of
{
	my ($database, $name) = @_;
	my $members = $node->safe_psql($database, qq(
		SELECT pg_describe_object(d.classid, d.objid, 0), obj_description(d.objid, d.classid::regclass::name), CASE d.classid
			WHEN 'pg_proc'::regclass THEN (SELECT pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') FROM pg_proc p WHERE p.oid = d.objid)
			WHEN 'pg_class'::regclass THEN (
				SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attacl), ', ' ORDER BY a.attnum)
					|| concat_ws(' ', r.relacl, r.reloptions, pg_get_viewdef(r.oid), CASE WHEN r.relkind <> 'v' THEN 'not compared' END,
						(SELECT string_agg(pg_get_triggerdef(t.oid) || t.tgenabled::text, ', ' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = r.oid),
						(SELECT string_agg(pg_get_ruledef(w.oid) || w.ev_enabled::text, ', ' ORDER BY w.rulename) FROM pg_rewrite w WHERE w.ev_class = r.oid))
				FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid WHERE r.oid = d.objid GROUP BY r.oid)
			WHEN 'pg_type'::regclass THEN (
				SELECT concat_ws(' ', t.typtype, t.typacl, (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
					(SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
						FROM pg_attribute a WHERE a.attrelid = t.typrelid))
				FROM pg_type t WHERE t.oid = d.objid)
			WHEN 'pg_namespace'::regclass THEN (SELECT n.nspacl::text FROM pg_namespace n WHERE n.oid = d.objid)
			WHEN 'pg_event_trigger'::regclass THEN (
				SELECT concat_ws(' ', t.evtevent, t.evtfoid::regproc, t.evtenabled, t.evttags) FROM pg_event_trigger t WHERE t.oid = d.objid)
			ELSE 'not compared' END, E'\\x01'
		FROM pg_depend d
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
			AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = '$name')
		ORDER BY 1));
	like($members, qr/^function contacts\.upsert\(jsonb,bigint\)\|/m, "$name has members");
	my @members = split /\x01\n/, $members;
	is(join("\n", map { /^(.*?)\|/ } grep { /not compared/ } @members), '', 'none of a kind that this test does not compare');
	return @members;
}

my $upsert = q(SELECT contact_upsert('{"email_address":"contact%s@example.com","partial_update":true}') #>> '{data,status}');

# Makes a database with tables of that version, and rows in them; returns what is in it.
sub make_database
{
	my ($database, $of, $partitions) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE EXTENSION contact_upsert VERSION '$of'; SELECT contacts.install($partitions)");
	return FilledTables->fill($node, $database);
}

# Makes a proxy of that version, whose partition is the database, and which a member may call.
sub make_proxy
{
	my ($proxy, $database, $of) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $proxy");
	$node->safe_psql($proxy, sprintf q(CREATE EXTENSION contact_upsert_proxy VERSION '%s' CASCADE;
		CREATE SERVER contacts FOREIGN DATA WRAPPER plproxy OPTIONS (p0 'host=%s port=%s dbname=%s');
		CREATE USER MAPPING FOR PUBLIC SERVER contacts; SELECT contacts.grant_proxy('member')), $of, $node->host, $node->port, $database);
	return $proxy;
}

# Tests that a call works, the owner's and a member's.
sub is_served
{
	my ($database, $what) = @_;

	is($node->safe_psql($database, join '; ', sprintf($upsert, 1), 'SET ROLE member', sprintf $upsert, 2), "SUBSCRIBED\nSUBSCRIBED", "$database: $what");
	return;
}

# Upgrades the tables, in whose database a newer library is at work: the rest of what the README's "Upgrading" says.
sub upgrade_tables
{
	my ($database, $from, $to) = @_;

	is_served($database, "the library of $to serves the script and the tables of $from");
	$node->safe_psql($database, 'ALTER EXTENSION contact_upsert UPDATE');
	is_served($database, 'the newer script serves the older tables');
	is($node->safe_psql($database, 'SELECT contacts_internal.tables_version()'), $from, 'which say that they are older');
	is($node->safe_psql($database, 'SELECT contacts.install()'), $to, 'install() brings the tables to the new version');
	is($node->safe_psql($database, 'SELECT contacts.install()'), $to, 'and may run again');
	is($node->safe_psql($database, 'SELECT contacts.tables_version()'), $to, 'and they say so');
	is_served($database, 'the call works');
	# for what is new
	FilledTables->grant_roles($node, $database);
	return;
}

# The same for a proxy, which comes after its partitions.
sub upgrade_proxy
{
	my ($proxy, $from, $to) = @_;
	my $version_of = q(SELECT extversion FROM pg_extension WHERE extname = 'contact_upsert_proxy');

	is_served($proxy, "a proxy of $from serves its partition of $to");
	is($node->safe_psql($proxy, $version_of), $from, 'and says that it is older');
	$node->safe_psql($proxy, 'ALTER EXTENSION contact_upsert_proxy UPDATE');
	is($node->safe_psql($proxy, $version_of), $to, 'ALTER EXTENSION brings it to the new version');
	is_served($proxy, 'the call works');
	# for what is new
	$node->safe_psql($proxy, q(SELECT contacts.grant_proxy('member')));
	return;
}

# Tests that tables, extension and proxy are those of a fresh installation.
sub is_as_fresh
{
	my ($database, $partitions, $proxy) = @_;
	my $fresh = "fresh_for_$database";

	$node->safe_psql('postgres', "CREATE DATABASE $fresh");
	$node->safe_psql($fresh, "CREATE EXTENSION contact_upsert; SELECT contacts.install($partitions)");
	FilledTables->grant_roles($node, $fresh);
	is(differences([ tables_of($database) ], [ tables_of($fresh) ]), '', "$database: its tables are those of a fresh installation");
	is(differences([ members_of($database, 'contact_upsert') ], [ members_of($fresh, 'contact_upsert') ]), '', 'and so is the extension');
	return if !$proxy;
	make_proxy("${fresh}_proxy", $database, $node->safe_psql($database, 'SELECT contacts.tables_version()'));
	is(differences([ members_of($proxy, 'contact_upsert_proxy') ], [ members_of("${fresh}_proxy", 'contact_upsert_proxy') ]), '', 'and so is the proxy');
	return;
}

# Upgrades from each version of a directory of frozen scripts to another, whose files $put_files puts in place while others write. The
# databases are called by their first version, those of another kind have a word behind it. Returns, by version, how to test that a database
# has every row.
sub upgrade_from
{
	my ($directory, $to, $put_files) = @_;
	my %upgraded;

	for my $frozen (sort glob "$directory/contact_upsert--*.sql")
	{
		my ($from) = $frozen =~ /--([0-9.]+)\.sql$/ or die "$frozen is of no version";
		next if $from eq $to;
		put_file("$extension/$_--$from.sql", slurp_file("$directory/$_--$from.sql")) for @extensions;
		my $database = 'of_' . $from =~ tr/./_/r;
		my $before = make_database($database, $from, '');
		my $parts = make_database("${database}_parts", $from, 'partitions => 2');
		my $proxy = $has_proxy ? make_proxy("${database}_proxy", $database, $from) : undef;
		my $writers = Writers->start($node, $database, $database, $proxy // $database);

		$put_files->();
		# Sessions that have loaded the older library end.
		$writers->wait_for_calls;
		upgrade_tables($database, $from, $to);
	SKIP:
		{
			skip 'PL/Proxy is not installed for this PostgreSQL', 1 if !$proxy;
			upgrade_proxy($proxy, $from, $to);
		}
		my @written = $writers->stop("$from to $to");
		$before->is_all_in($node, $database, @written);
		is_as_fresh($database, '', $proxy);
		upgrade_tables("${database}_parts", $from, $to);
		$parts->is_all_in($node, "${database}_parts");
		is_as_fresh("${database}_parts", 'partitions => 2');
		$upgraded{$from} = sub { $before->is_all_in($node, $_[0], @written) };
	}
	return \%upgraded;
}

SKIP:
{
	skip 'the server keeps no versions of modules before 18', 1 if $node->pg_version < 18;
	is($node->safe_psql('postgres', "LOAD 'contact_upsert'; SELECT version FROM pg_get_loaded_modules() WHERE module_name = 'contact_upsert'"),
		$version, 'the server knows the version of the library that it has loaded');
}

# Versions that were released, to this one: none before the second version. Their libraries are not kept: that of this version serves them.
my $released = upgrade_from('test/upgrade', $version, sub { });
note 'upgraded from released versions: ', join(', ', sort keys %$released) || 'there is none yet';

# This version to the next, as the next one's test will do it: with the scripts that "make freeze" keeps of both.
my $frozen = "$ENV{TESTDATADIR}/frozen";
mkdir $frozen or die "$frozen: $!";
for my $of ($version, $next)
{
	put_file("$frozen/$_--$of.sql", slurp_file("$extension/$_--$of.sql")) for @extensions;
}
my $old = 'of_' . $version =~ tr/./_/r;
my $old_dump = "$ENV{TESTDATADIR}/old.sql";
my $session;
my $upgraded = upgrade_from($frozen, $next, sub {
	put_file($old_dump, dump_of($old));

	# The script first: a library that is older than the script
	$session = $node->background_psql($old, on_error_stop => 0);
	$session->query_safe(sprintf $upsert, 1);
	$node->safe_psql('postgres', 'CREATE DATABASE early');
	$node->safe_psql('early', "CREATE EXTENSION contact_upsert VERSION '$next'");
	like(error_of('early', 'SELECT contacts.install()'),
		qr/library of contact_upsert is version \Q$version\E, older than the extension in this database, \Q$next\E.*HINT:  Connect anew.*install the files of contact_upsert \Q$next\E/s,
		'library older than the script: install() names the cure');
	put_files($next);
});
is(join(' ', keys %$upgraded), $version, 'from each frozen version but the one that was upgraded to');
$session->query(sprintf $upsert, 4);
like($session->{stderr}, qr/library of contact_upsert is version \Q$version\E, older.*HINT:  Connect anew/s,
	'a session that loaded the old library is told to connect anew');
$session->quit;
$node->safe_psql($old, q(UPDATE contacts.contact SET nickname = 'One', version = version + 1 WHERE workspace_id = 1 AND email_address = 'contact1@example.com'));
is($node->safe_psql($_, q(SET ROLE member; SELECT contacts.nickname('contact1@example.com'))), 'One', "the new column and the new function work in $_, for a member")
	for $old, $has_proxy ? "${old}_proxy" : ();

# dumps between the versions
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $old_dump, 'restored' ], 'an old dump is restored into the new version');
is_served('restored', 'the call works there');
is($node->safe_psql('restored', 'SELECT contacts.install()'), $next, 'install() brings it to the new version');
$upgraded->{$version}->('restored');
FilledTables->grant_roles($node, 'restored');
is(differences([ tables_of('restored') ], [ tables_of("fresh_for_$old") ]), '', 'and its tables are those of a fresh installation');

my $new_dump = "$ENV{TESTDATADIR}/new.sql";
put_file($new_dump, dump_of($old));
my $new_schema = "$ENV{TESTDATADIR}/new_schema.sql";
put_file($new_schema, dump_of($old, '--schema-only'));
put_files($version);
for my $dump ($new_dump, $new_schema)
{
	my $what = $dump eq $new_dump ? 'a new dump' : 'the schema of a new dump';

	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS backwards', );
	$node->safe_psql('postgres', 'CREATE DATABASE backwards');
	$node->command_ok([ 'psql', '-X', '-q', '-f', $dump, 'backwards' ], "$what is restored into the old version");
	for my $call (sprintf($upsert, 4), 'SELECT contacts.install()')
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
like(error_of('ancient', sprintf $upsert, 1),
	qr/contact tables of this database are of version 0\.9\.0, older than the extension, \Q$version\E\..*HINT:  SELECT contacts\.install\(\);/s,
	'tables older than the library serves: the error names the cure');
like(error_of('ancient', 'SELECT contacts.install()'), qr/of version 0\.9\.0, from which no upgrade leads on\.\nHINT: /,
	'install() knows no step from a version that was never released');

# a schema without its data
$node->safe_psql('postgres', 'CREATE DATABASE bare');
put_file($old_dump, dump_of("fresh_for_$old", '--schema-only'));
put_files($next);
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $old_dump, 'bare' ], 'a schema is restored without data');
is($node->safe_psql('bare', 'SELECT contacts.install(); ' . sprintf($upsert, 1)), "$next\nSUBSCRIBED", 'install() makes it work');

$node->stop;
done_testing();
