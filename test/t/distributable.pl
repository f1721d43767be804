# Nothing keeps the statements of the extension from tables that are partitioned, or spread over servers, by workspace: each names the
# workspace of each table that it reads or writes, no UPDATE has a volatile function in it, and none sends a notification. A statement is
# what a function in SQL or PL/pgSQL holds, or a text in the library. (What the catalogue says of the tables: distributable.sql.)

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION contact_upsert; SELECT contacts.install()');

# The volatile functions that there are, by their names.
my %volatile = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', q(
	SELECT DISTINCT proname FROM pg_proc p
	WHERE provolatile = 'v' AND pronamespace IN ('pg_catalog'::regnamespace, 'contacts'::regnamespace, 'contacts_internal'::regnamespace)
		AND NOT EXISTS (SELECT FROM pg_proc o WHERE o.proname = p.proname AND o.provolatile <> 'v' AND o.pronamespace = p.pronamespace)));
ok($volatile{$_}, "$_ is volatile") for qw(clock_timestamp nextval gen_random_uuid random object_id);

# The tables that have a workspace_id: all of them.
my @tables = split /\n/, $node->safe_psql('postgres', q(SELECT relname FROM pg_class WHERE relnamespace = 'contacts'::regnamespace AND relkind IN ('r', 'p')));
cmp_ok(scalar @tables, '>', 15, 'there are tables');
my $table = 'contacts\.(?:' . join('|', @tables) . ')\b';

# What may read or write rows of all workspaces, and why.
my %of_all_workspaces = (
	# workspaces themselves, and who may act for them
	'contacts_internal.remove_first_workspace' => 'looks whether there is any other workspace',
	'contacts_internal.find_workspace' => 'looks for the name of a workspace',
	'contacts_internal.list_consumers' => 'lists the consumers of all workspaces that the caller sees',
	'contacts_internal.add_first_workspace' => 'looks whether there is any workspace',
	'contacts.define_workspace' => 'makes a workspace, of which the name is the key',
	'contacts_internal.member_privileges' => 'has GRANTs, no statement on rows',
	'contacts_internal.end_import' => 'tells people of a statement',
	'contacts.revoke_access' => 'asks whether a role acts for any other workspace',
	'contacts.revoke_monitoring' => 'asks whether a role acts for any workspace',
	'contacts_internal.workspace_there' => 'looks for the name of a workspace on all servers',
	'contacts_internal.complete_servers' => 'grants to the members of all workspaces',
	'contacts_internal.former_members' => 'looks who acts for any workspace',
	'contacts_internal.distribute_tables' => 'looks for consumers of every workspace',
	'contacts.undistribute' => 'looks whether names of workspaces are unique',
	'contacts_internal.purge_deleted_workspaces' => 'goes through the deleted workspaces',
	'contacts.purge_events' => 'deletes what deleted workspaces and consumers have left behind',
	# consumers, of which there are few; one of every workspace has deliveries in all
	'contacts_internal.before_consumer_insert' => 'gives a consumer an id that no other has, in whatever workspace',
	'contacts_internal.after_consumer_delete' => "deletes a consumer's deliveries, of every workspace if it is one of all",
	'contacts_internal.subscribe' => 'queues the log for a consumer, of every workspace if it is one of all',
	'contacts_internal.after_event_delete' => 'a TRUNCATE is one of all',
	'contacts_internal.after_definitions_change' => 'a TRUNCATE is one of all',
	'SELECT w.workspace_id FROM contacts.workspace w' => 'which workspaces there are, for the views of counts',
);

sub plain
{
	my ($sql) = @_;
	$sql =~ s/--[^\n]*//g;
	$sql =~ s/OPERATOR\(pg_catalog\.([^)]+)\)/$1/g;
	$sql =~ s/pg_catalog\.//g;
	$sql =~ s/"(\w+)"/$1/g;
	$sql =~ s/\s+/ /g;
	# what is said to people, who may be told of a statement
	$sql =~ s/\bRAISE (?:EXCEPTION|WARNING|NOTICE) '.*//;
	return $sql =~ s/^ //r;
}

# What is wrong with a statement.
sub faults
{
	my ($statement) = @_;
	my @faults;

	push @faults, 'sends a notification' if $statement =~ /\bpg_notify\b/;
	if ($statement =~ /(?:\bUPDATE (?:ONLY )?$table|\bDO UPDATE SET\b)(.*)/)
	{
		my $update = $1;
		push @faults, "$_() in an UPDATE" for grep { $volatile{$_} } $update =~ /\b(\w+) ?\(/g;
		push @faults, 'a default in an UPDATE' if $update =~ /= ?DEFAULT\b/;
	}

	my %aliases;
	while ($statement =~ /(\bINTO|\bFROM|\bJOIN|\bUPDATE|\bUSING|,)(?: ONLY)? ($table)(?: AS)?( (?!(?:WHERE|SET|ON|JOIN|LEFT|CROSS|LIMIT|ORDER|GROUP|VALUES|SELECT|IN|FOR|OVERRIDING|LOOP|THEN|USING)\b)\w+)?( \([^)]*\))?/g)
	{
		my ($before, $name, $alias, $columns) = ($1, $2, $3, $4);
		if ($before eq 'INTO')
		{
			push @faults, "no workspace_id for $name" if ($columns // '') !~ /\bworkspace_id\b/;
		}
		elsif (defined $alias) { $aliases{ $alias =~ s/ //r }++ }
		else { push @faults, "no workspace_id of $name" }
	}
	# A row that is found by its place is here, and in a table of its own (src/pg/table_choice.c).
	return @faults if $statement =~ /\.ctid = \w+\.place\b/;
	# The statement for a consumer of every workspace, whose deliveries are in all.
	return @faults if $statement =~ /\$2 = 0(?! OR\b)/;
	for my $alias (sort keys %aliases)
	{
		my $column = qr/\b$alias\.workspace_id\b/;
		my $compared = () = $statement =~ /$column (?:=|>|IN\b|IS NOT DISTINCT FROM)|(?:=|<>) $column|\bIN \($column, 0\)|\($column, [^()]*\) (?:=|IN)|= \($column,/g;
		push @faults, "no workspace_id of $alias" if $compared < $aliases{$alias};
	}
	push @faults, 'locks rows of any workspace'
		if $statement =~ /\bFOR (?:NO KEY )?UPDATE\b|\bFOR (?:KEY )?SHARE\b/ && $statement !~ /\.workspace_id = |\(\w+\.workspace_id, .*\) (?:=|IN) /;
	return @faults;
}

sub check_statements
{
	my ($name, @statements) = @_;
	for my $statement (map { plain($_) } @statements)
	{
		my @faults = faults($statement);
		@faults = grep { !/workspace/ } @faults if $of_all_workspaces{$name} || $of_all_workspaces{$statement};
		fail("$name: $_: $statement") for @faults;
	}
	return;
}

# What the check is for: it finds these.
is(join(', ', faults(plain($_->[0]))), $_->[1], "finds: $_->[1]") for (
	[ 'UPDATE contacts.delivery d SET due_at = clock_timestamp() WHERE d.workspace_id = $1', 'clock_timestamp() in an UPDATE' ],
	[ 'UPDATE contacts.import_progress AS p SET updated_at = CASE WHEN p.done > 0 THEN pg_catalog.clock_timestamp() END WHERE p.workspace_id = $1',
		'clock_timestamp() in an UPDATE' ],
	[ 'INSERT INTO contacts.tag (workspace_id, name) VALUES ($1, $2) ON CONFLICT (workspace_id, tag_id) DO UPDATE SET tag_id = nextval($3)',
		'nextval() in an UPDATE' ],
	[ 'UPDATE contacts.contact c SET id = contacts_internal.object_id() WHERE c.workspace_id = $1', 'object_id() in an UPDATE' ],
	[ 'UPDATE contacts.workspace w SET definitions_version = DEFAULT WHERE w.workspace_id = $1', 'a default in an UPDATE' ],
	[ 'SELECT FROM contacts.contact c WHERE c.id = $1 FOR UPDATE', 'no workspace_id of c, locks rows of any workspace' ],
	[ 'SELECT FROM contacts.contact c WHERE c.workspace_id > $1 FOR NO KEY UPDATE', 'locks rows of any workspace' ],
	[ 'SELECT FROM contacts.event e JOIN contacts.delivery d ON d.event_id = e.event_id WHERE e.workspace_id = $1', 'no workspace_id of d' ],
	[ 'SELECT FROM contacts.contact c WHERE c.workspace_id OPERATOR(pg_catalog.=) $1 AND EXISTS (SELECT FROM contacts.contact c WHERE c.id = $2)', 'no workspace_id of c' ],
	[ 'DELETE FROM contacts.delivery', 'no workspace_id of contacts.delivery' ],
	[ 'DELETE FROM contacts.delivery d USING contacts.event e WHERE e.workspace_id = $1 AND d.event_id = e.event_id', 'no workspace_id of d' ],
	[ 'INSERT INTO contacts.history (contact_id) VALUES ($1)', 'no workspace_id for contacts.history' ],
	[ "SELECT pg_notify('contact_automation', \$1)", 'sends a notification' ],
	[ 'SELECT FROM contacts.contact c, contacts.tag t WHERE (c.workspace_id, c.id) = ($1, $2) AND t.workspace_id = c.workspace_id FOR UPDATE', '' ]);

# The functions of the extension
my $functions = 0;
for (split /\x1e/, $node->safe_psql('postgres', q(
	SELECT string_agg(p.pronamespace::regnamespace || '.' || p.proname || chr(31) || p.prosrc, chr(30))
	FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
	WHERE p.pronamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace) AND l.lanname IN ('sql', 'plpgsql'))))
{
	my ($name, $body) = split /\x1f/, $_, 2;
	$functions++;
	my @statements = split /;/, $body =~ s/--[^\n]*//gr;
	check_statements($name, @statements);
}
cmp_ok($functions, '>', 80, 'there are functions');

# The texts of the library, as the compiler has put them together
my $library = slurp_file($node->config_data('--pkglibdir') . '/contact_upsert.so');
my @texts = grep { /^\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b/ && /\b$table/ } $library =~ /([\x20-\x7e\t\n]{8,})/g;
cmp_ok(scalar @texts, '>', 60, 'there are statements in the library');
check_statements('the library', @texts);

done_testing();
