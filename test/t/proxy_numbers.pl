# contacts.set_partition(): ids of different partitions never meet, whoever draws or writes them, and what does not fit is refused.

use strict;
use warnings;

use ContactProxy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

my $database;
sub sql { my ($sql, %o) = @_; return $node->safe_psql($o{on} // $database, $sql); }

# All parts of an error, in one line.
sub error_of
{
	my ($sql) = @_;
	my (undef, undef, $err) = $node->psql($database, $sql, on_error_die => 0, extra_params => [ '-v', 'VERBOSITY=verbose', '-v', 'SHOW_CONTEXT=never' ]);
	$err =~ s/^psql:<stdin>:\d+: //mg;
	$err =~ s/^LOCATION: .*\n?//mg;
	$err =~ s/\n(?=.)/ /g;
	chomp $err;
	return $err;
}

sub make_database
{
	($database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	sql('CREATE EXTENSION contact_upsert; SELECT contacts.install()');
	return;
}

# Everything that has an id of a sequence, made in the ways that there are; the workspaces' names say whose they are.
my $fill = q(
	SELECT contacts.define_workspace(n, history => 'all') FROM unnest('{one,two,three}'::text[]) n;
	SELECT contacts.define_field('value', 'Value', tracked => true, workspace_id => w.workspace_id),
		contacts.define_tag('t' || i, workspace_id => w.workspace_id), contacts.subscribe('c' || i, workspace_id => w.workspace_id)
		FROM contacts.workspace w, generate_series(1, 3) i;
	SELECT contacts.subscribe('all', workspace_id => 0);
	SELECT contacts.upsert(jsonb_build_object('email_address', i || '@example.com', 'fields', '{"value":"x"}'::jsonb, 'tags', '["t1"]'::jsonb),
		w.workspace_id) FROM contacts.workspace w, generate_series(1, 3) i;
	SELECT contacts.upsert(jsonb_build_object('email_address', i || '@example.com', 'fields', '{"value":"y"}'::jsonb, 'partial_update', true),
		w.workspace_id) FROM contacts.workspace w, generate_series(1, 3) i;
	SELECT count(*) FROM contacts.workspace w, contacts.claim('c1', 1, workspace_id => w.workspace_id);
	CREATE TABLE staging AS SELECT 'i' || i || '@example.com' AS email_address FROM generate_series(1, 3) i;
);

# The ids of all tables that have a sequence: table and id, a row each.
my $ids = q(SELECT format('SELECT %L || %I FROM %s', c.relname || ' ', s.id_column, s.id_table)
	FROM contacts_internal.id_sequences() s JOIN pg_class c ON c.oid = s.id_table WHERE s.id_column <> 'lease'
	UNION ALL SELECT 'SELECT ''lease '' || lease FROM contacts.delivery WHERE lease <> 0');
sub ids
{
	return map { split /\n/ } map { sql($_) } split /\n/, sql($ids);
}

sub fill_database
{
	sql($fill);
	sql(sprintf "CALL contacts.import('staging', workspace_id => %d)", sql('SELECT min(workspace_id) FROM contacts.workspace'));
	return;
}

my %seen;
for my $number (0, 1)
{
	make_database("partition_$number");
	sql("SELECT contacts.set_partition($number, 2)");
	is(sql('SELECT count(*) FROM contacts.workspace'), 0, "partition $number: the untouched first workspace is gone");
	is(sql('SELECT contacts.install(); SELECT count(*) FROM contacts.workspace') =~ s/.*\n//r, 0, 'and install() makes none');
	is(sql('SELECT number, count FROM contacts_internal.partition()'), "$number|2", 'the database knows its number');
	fill_database();
	my @ids = ids();
	my %tables = map { (split / /)[0] => 1 } @ids;
	is(join(' ', sort keys %tables), 'consumer event history import_progress lease tag workspace', 'there is an id of each kind');
	is(join(', ', grep { !/ (\d+)$/ || $1 < 1 || $1 % 2 != $number } @ids), '', 'all are positive, and of its residue');
	is(join(', ', grep { $seen{$_}++ && !/^lease/ } @ids), '', 'none is one of the other partition');
	my $before = sql('SELECT string_agg(s::text, chr(10)) FROM (SELECT sequencename, last_value, increment_by, start_value FROM pg_sequences ORDER BY 1) s');
	sql("SELECT contacts.set_partition($number, 2)");
	is(sql('SELECT string_agg(s::text, chr(10)) FROM (SELECT sequencename, last_value, increment_by, start_value FROM pg_sequences ORDER BY 1) s'), $before,
		'again: nothing moves');
}

# What moves a sequence keeps the residue: here, rows that were written past it.
sql(q(
	INSERT INTO contacts.event (workspace_id, event_id, contact_id, contact_version, ordinal, type) OVERRIDING SYSTEM VALUE
		SELECT min(workspace_id), 5000, 'x', 1, 1, 'TAG_ADDED' FROM contacts.workspace;
	INSERT INTO contacts.event (workspace_id, event_id, contact_id, contact_version, ordinal, type) OVERRIDING SYSTEM VALUE
		SELECT w.workspace_id, s.last_value + 2 * i, 'x', 1, 1, 'TAG_ADDED'
			FROM contacts.workspace w, contacts.event_event_id_seq s, generate_series(1, 5) i;
	INSERT INTO contacts.history (workspace_id, history_id, contact_id, contact_version, changed_by) OVERRIDING SYSTEM VALUE
		SELECT w.workspace_id, s.last_value + 2, 'x', 1, 'x' FROM contacts.workspace w, contacts.history_history_id_seq s
		UNION ALL SELECT min(workspace_id), 6000, 'x', 1, 'x' FROM contacts.workspace;
	INSERT INTO contacts.consumer (workspace_id, consumer_id, name) OVERRIDING SYSTEM VALUE
		SELECT min(workspace_id), 7000, 'late' FROM contacts.workspace;
	SELECT setval('contacts.consumer_consumer_id_seq', 1);
));
sql(q(SELECT contacts.upsert('{"email_address":"1@example.com","partial_update":true,"fields":{"value":"z"}}', w.workspace_id) FROM contacts.workspace w));
sql(q(SELECT contacts.subscribe('after', workspace_id => 0)));
is(sql(q(SELECT string_agg(DISTINCT (e.event_id % 2)::text, ' ') FROM contacts.event e WHERE e.event_id <> 5000)), 1, 'the log goes on with ids of its own');
cmp_ok(sql('SELECT max(event_id) FROM contacts.event'), '>', 5000, 'behind those that were written by hand');
is(sql(q(SELECT string_agg(DISTINCT (h.history_id % 2)::text, ' ') FROM contacts.history h WHERE h.history_id > 6000)), 1, 'history, too');
is(sql(q(SELECT consumer_id % 2, consumer_id > 7000 FROM contacts.consumer WHERE name = 'after')), '1|t', 'consumers, too');

# A dump carries the number.
$node->command_ok([ 'pg_dump', '--format', 'custom', '--file', $node->basedir . '/dump', 'partition_1' ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--dbname', 'restored', $node->basedir . '/dump' ], 'pg_restore');
is(sql(q(SELECT number, count FROM contacts_internal.partition(); SELECT contacts.define_workspace('restored') % 2), on => 'restored'), "1|2\n1",
	'a dump has the number, and new ids are of its residue');
$node->command_ok([ 'pg_dump', '--schema-only', '--file', $node->basedir . '/schema', 'partition_1' ], 'pg_dump --schema-only');
$node->safe_psql('postgres', 'CREATE DATABASE bare');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $node->basedir . '/schema', 'bare' ], 'it is restored');
is(sql(q(SELECT contacts.install(); SELECT contacts.define_workspace('first')), on => 'bare') =~ s/.*\n//r, 1, 'so does a dump of the schema alone');

# By hand
is(error_of(q(INSERT INTO contacts.workspace (workspace_id, name) VALUES (4, 'by hand'))),
	'ERROR:  22023: Workspace 4 does not belong to this database, partition 1 of 2. HINT:  Its partition is 0. Leave workspace_id out for an '
	. 'id of this one. SCHEMA NAME:  contacts TABLE NAME:  workspace COLUMN NAME:  workspace_id', 'a workspace of another partition is refused');
is(sql(q(INSERT INTO contacts.workspace (workspace_id, name) VALUES (101, 'by hand') RETURNING workspace_id)), 101, 'one of its own is not');

# Numbers that make no sense
for my $bad ([ 2, 2 ], [ -1, 2 ], [ 0, 0 ], [ 'NULL', 2 ], [ 0, 'NULL' ], [ 0, 65537 ])
{
	my ($number, $of) = @$bad;
	is(error_of("SELECT contacts.set_partition($number, $of)"), "ERROR:  22023: There is no partition $number of $of. HINT:  Partitions are numbered from 0: "
		. 'of two, contacts.set_partition(0, 2) and contacts.set_partition(1, 2).', "partition $number of $of is refused");
}
like(error_of('BEGIN READ ONLY; SELECT contacts.set_partition(1, 2)'), qr/25006: .*contacts\.set_partition\(\)/, 'in a transaction that only reads');

# Doubling
is(error_of('SELECT contacts.set_partition(0, 2)') =~ s/Workspace \d+/Workspace N/r, 'ERROR:  55000: Workspace N does not belong to partition 0 of 2. DETAIL:  Nothing was changed. '
	. 'HINT:  Its partition is 1. Move it there, or begin with an empty database and import its contacts. '
	. 'SCHEMA NAME:  contacts TABLE NAME:  workspace COLUMN NAME:  workspace_id', 'another number is refused where there are workspaces');
like(error_of('SELECT contacts.set_partition(1, 4)'), qr/Workspace \d+ does not belong to partition 1 of 4/, 'so is half of the database while the other half is there');
is(sql('SELECT number, count FROM contacts_internal.partition()'), '1|2', 'nothing was changed');
sql('DELETE FROM contacts.workspace WHERE workspace_id % 4 <> 1; SELECT contacts.set_partition(1, 4)');
my $highest = sql('SELECT max(event_id) FROM contacts.event');
sql(q(SELECT contacts.upsert('{"email_address":"1@example.com","partial_update":true,"status":"UNCONFIRMED"}', w.workspace_id) FROM contacts.workspace w));
is(sql("SELECT count(*) > 0, bool_and(event_id % 4 = 1) FROM contacts.event WHERE event_id > $highest"), 't|t', 'a half goes on with ids of its own');
is(error_of('SELECT contacts.set_partition(2, 8, split => true)'),
	'ERROR:  22023: Partition 2 of 8 is no part of partition 1 of 4, which this database is. HINT:  Its two halves are 1 and 5 of 8.', 'split => true of something else');

# A database that had contacts before it had a number
make_database('before');
sql(q(SELECT contacts.define_tag('vip'), contacts.upsert('{"email_address":"a@example.com"}')));
like(error_of('SELECT contacts.set_partition(0, 2)'), qr/55000: Workspace 1 does not belong to partition 0 of 2/, 'workspace 1 is in use, and no workspace of partition 0');
sql(q(SELECT contacts.define_tag('second')));
is(error_of('SELECT contacts.set_partition(1, 2)'), 'ERROR:  55000: contacts.tag.tag_id has the id 2, which partition 1 of 2 never gives out. DETAIL:  Nothing was changed. '
	. 'HINT:  Number a database before anything is in it, and import then. Where this is a part of a database that is being split, whose other parts go on behind its ids: '
	. 'contacts.set_partition(number, of, split => true). SCHEMA NAME:  contacts TABLE NAME:  tag COLUMN NAME:  tag_id', 'an id from before names its table');
is(sql('SELECT number, count FROM contacts_internal.partition()'), '0|1', 'nothing was changed');
is(sql(q(SELECT contacts.set_partition(1, 2, split => true); SELECT contacts.define_tag('third'))), "\n3", 'with split => true it goes on behind it');
is(sql(q(SELECT contacts.set_partition(1, 2); SELECT contacts.define_tag('fourth'))), "\n5", 'and may be repeated');

# What was drawn and is gone comes never again, however often the number is given.
make_database('gone');
sql(q(SELECT contacts.define_field('value', 'Value', tracked => true), contacts.subscribe('mailer'); SELECT contacts.upsert('{"email_address":"a@example.com"}')));
sql(qq(SELECT contacts.upsert('{"email_address":"a\@example.com","partial_update":true,"fields":{"value":"$_"}}'))) for 1 .. 3;
sql(q(SELECT count(contacts.ack('mailer', lease, ARRAY[event_id])) FROM contacts.claim('mailer'))) for 1 .. 3;
sql(q(SELECT contacts.purge_events('0'), contacts.purge_history('0'); DELETE FROM contacts.workspace; DELETE FROM contacts.deleted_workspace));
my %next;
for my $call ('1, 2', '1, 2', '1, 4, split => true', '1, 4, split => true', '1, 4')
{
	sql("SELECT contacts.set_partition($call)");
	for my $sequence (split /\n/, sql('SELECT sequence FROM contacts_internal.id_sequences()'))
	{
		# without drawing one
		my $next = sql("SELECT CASE WHEN is_called THEN last_value + (SELECT seqincrement FROM pg_sequence WHERE seqrelid = '$sequence'::regclass) ELSE last_value END FROM $sequence");
		cmp_ok($next, '>=', $next{$sequence} // 1, "set_partition($call): $sequence does not go back");
		$next{$sequence} = $next;
	}
}
cmp_ok($next{'contacts.event_event_id_seq'}, '>', 3, 'nor behind events that were purged');
cmp_ok($next{'contacts.delivery_lease_seq'}, '>', 3, 'and leases that were acknowledged');
cmp_ok($next{'contacts.workspace_workspace_id_seq'}, '>', 1, 'and workspaces that were deleted');

# Hash-partitioned tables have their sequences at their parents.
$node->safe_psql('postgres', 'CREATE DATABASE hashed');
$database = 'hashed';
sql('CREATE EXTENSION contact_upsert; SELECT contacts.install(partitions => 4); SELECT contacts.set_partition(1, 2)');
fill_database();
my @hashed = ids();
my %kinds = map { (split / /)[0] => 1 } @hashed;
is(join(' ', sort keys %kinds) . ': ' . join(', ', grep { !/ (\d+)$/ || $1 % 2 != 1 } @hashed), 'consumer event history import_progress lease tag workspace: ', 'hash-partitioned tables have ids of its residue');

# Ids that are drawn and not committed yet are not overlooked.
make_database('busy');
my $session = $node->background_psql('busy') if $node->can('background_psql');
SKIP:
{
	skip 'this PostgreSQL has no background_psql', 1 unless $session && $session->can('query_safe');
	$session->query_safe(q(BEGIN; SELECT contacts.define_workspace('late')));
	like(error_of(q(SET lock_timeout = '100ms'; SELECT contacts.set_partition(1, 2))), qr/55P03/, 'a writer under way is waited for');
	$session->query_safe('COMMIT');
	$session->quit;
	like(error_of('SELECT contacts.set_partition(1, 2)'), qr/Workspace 2 does not belong/, 'and then seen');
}

is(sql(q(CREATE ROLE stranger; GRANT USAGE ON SCHEMA contacts TO stranger; GRANT EXECUTE ON FUNCTION contacts.set_partition TO stranger; SELECT 1)), 1, 'a role that does not own the tables');
like(error_of('SET ROLE stranger; SELECT contacts.set_partition(1, 2)'), qr/42501/, 'cannot number them');

$node->stop;
done_testing();
